package accountant

// OrderNames are the grids that Orders knows, by the names that vector files give them.
var OrderNames = []string{"default", "opacus", "integers 2..128 and 256", "0.001 steps over (1,100)"}

// Orders returns a grid of Rényi orders, ascending.
func Orders(name string) ([]float64, error) {
	switch name {
	case OrderNames[0]:
		return append(append(span(11, 110, 10), span(11, 64, 1)...), 128, 256, 512, 1024), nil
	case OrderNames[1]:
		return append(span(11, 110, 10), span(12, 64, 1)...), nil
	case OrderNames[2]:
		return append(span(2, 129, 1), 256), nil
	case OrderNames[3]:
		return span(1001, 100_000, 1000), nil
	}
	return nil, InputError{"orders", name, "one of " + quoted(OrderNames)}
}

// span returns low/by, (low+1)/by, ... below high/by.
func span(low, high int, by float64) []float64 {
	out := make([]float64, 0, high-low)
	for i := low; i < high; i++ {
		out = append(out, float64(i)/by)
	}
	return out
}

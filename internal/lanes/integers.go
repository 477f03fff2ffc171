package lanes

// SquaresOf is Σx² of words whose magnitude is at most Most, of which a vector may have 2^33.
func SquaresOf(x []int32) uint64 {
	whole := len(x) &^ (Width - 1)
	var sum uint64
	if whole > 0 {
		sum = best.squares(x[:whole])
	}
	return sum + squaresGo(x[whole:])
}

func squaresGo(x []int32) (sum uint64) {
	for _, v := range x {
		sum += uint64(int64(v) * int64(v))
	}
	return sum
}

// Add sets dst[i] += x[i]. They are equally long.
func Add(dst, x []int32) {
	whole := len(x) &^ (Width - 1)
	dst = dst[:len(x)] // assembly does not look
	if whole > 0 {
		best.add(dst[:whole], x[:whole])
	}
	addGo(dst[whole:], x[whole:])
}

func addGo(dst, x []int32) {
	for i, v := range x {
		dst[i] += v
	}
}

// Sub sets dst[i] -= x[i]. They are equally long.
func Sub(dst, x []int32) {
	for i, v := range x {
		dst[i] -= v
	}
}

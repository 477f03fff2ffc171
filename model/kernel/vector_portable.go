package kernel

func portableDot(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(x); i += 4 {
		u, v := x[i:i+4:i+4], y[i:i+4:i+4]
		s0 += u[0] * v[0]
		s1 += u[1] * v[1]
		s2 += u[2] * v[2]
		s3 += u[3] * v[3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func portableSumSquares(x []float32) float64 {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		u := x[i : i+4 : i+4]
		s0 += float64(u[0]) * float64(u[0])
		s1 += float64(u[1]) * float64(u[1])
		s2 += float64(u[2]) * float64(u[2])
		s3 += float64(u[3]) * float64(u[3])
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i]) * float64(x[i])
	}
	return (s0 + s1) + (s2 + s3)
}

func portableAxpy(a float32, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

func portableScale(a float32, x []float32) {
	for i := range x {
		x[i] *= a
	}
}

func portableReluBackward(grad, out []float32) {
	out = out[:len(grad)]
	for i, v := range out {
		if v <= 0 {
			grad[i] = 0
		}
	}
}

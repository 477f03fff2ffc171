package kernel

// Dot returns Σ x[i]·y[i], summed in float32 in an order that the processor decides.
func Dot(x, y []float32) float32 {
	same("Dot", len(x), len(y))
	return best.dot(x, y)
}

// SumSquares returns Σ x[i]², each square and the sum in float64.
func SumSquares(x []float32) float64 { return best.sumSquares(x) }

// Axpy adds a·x to y.
func Axpy(a float32, x, y []float32) {
	same("Axpy", len(x), len(y))
	best.axpy(a, x, y)
}

// Add adds x to dst.
func Add(dst, x []float32) {
	same("Add", len(dst), len(x))
	best.axpy(1, x, dst)
}

// Scale multiplies x by a.
func Scale(a float32, x []float32) { best.scale(a, x) }

// ReluBackward sets to 0 each value of grad whose output of BiasRelu is 0 or below. Where out is NaN, grad stays: it comes from
// a loss that is NaN too.
func ReluBackward(grad, out []float32) {
	same("ReluBackward", len(grad), len(out))
	best.reluBackward(grad, out)
}

// AddBias adds bias to each of the m rows of c.
func AddBias(c, bias []float32, m int) {
	need("AddBias", "c", len(c), m, len(bias))
	best.addBias(c, bias, m)
}

// BiasRelu is AddBias and then Relu, in one pass.
func BiasRelu(c, bias []float32, m int) {
	need("BiasRelu", "c", len(c), m, len(bias))
	best.biasRelu(c, bias, m)
}

// SumRows adds the m rows of c to dst: the gradient of a bias.
func SumRows(dst, c []float32, m int) {
	need("SumRows", "c", len(c), m, len(dst))
	best.sumRows(dst, c, m)
}

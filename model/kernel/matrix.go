package kernel

// Matrices are dense and row-major: element (i, j) of an m×n matrix is at i*n + j. c must not overlap a or b. Longer
// slices are fine; what lies behind the matrix is left alone. Sizes may be zero: a product over nothing is 0.

// NT sets c[m×n] = a[m×k] · b[n×k]ᵀ: scores of m queries against n rows of a table.
func NT(c, a, b []float32, m, n, k int) {
	checkProduct("NT", c, a, b, m, n, k)
	best.nt(c, a, b, m, n, k, false)
}

// AddNT adds a[m×k] · b[n×k]ᵀ to c[m×n].
func AddNT(c, a, b []float32, m, n, k int) {
	checkProduct("AddNT", c, a, b, m, n, k)
	best.nt(c, a, b, m, n, k, true)
}

// NN sets c[m×n] = a[m×k] · b[k×n]: a gradient carried back through a layer.
func NN(c, a, b []float32, m, n, k int) {
	checkProduct("NN", c, a, b, m, n, k)
	best.nn(c, a, b, m, n, k, false)
}

// AddNN adds a[m×k] · b[k×n] to c[m×n].
func AddNN(c, a, b []float32, m, n, k int) {
	checkProduct("AddNN", c, a, b, m, n, k)
	best.nn(c, a, b, m, n, k, true)
}

// TN sets c[m×n] = a[k×m]ᵀ · b[k×n]: the gradient of weights over k samples. A factor is cheapest on the smaller of a, b.
func TN(c, a, b []float32, m, n, k int) {
	checkProduct("TN", c, a, b, m, n, k)
	best.tn(c, a, b, m, n, k, false)
}

// AddTN adds a[k×m]ᵀ · b[k×n] to c[m×n].
func AddTN(c, a, b []float32, m, n, k int) {
	checkProduct("AddTN", c, a, b, m, n, k)
	best.tn(c, a, b, m, n, k, true)
}

func checkProduct(call string, c, a, b []float32, m, n, k int) {
	need(call, "c", len(c), m, n)
	need(call, "a", len(a), m, k)
	need(call, "b", len(b), n, k)
}

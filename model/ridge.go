package model

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// ridge is a linear map with an intercept, fitted by ridge regression.
type ridge struct {
	from, to []float64  // means of what it was fitted on
	by       *mat.Dense // inputs × outputs
	stretch  float64    // how much farther from their mean outputs lie than what is foretold of rows left out, root mean square
}

// fitRidge fits y (n × outputs) on x (n × inputs), both of which it centres. Of a ladder of penalties it takes the one with the least
// squared error of rows left out one at a time, which a linear smoother has in closed form (Allen 1974). ok is false where the inputs
// have no eigendecomposition.
func fitRidge(x, y *mat.Dense) (r ridge, ok bool) {
	n, f := x.Dims()
	r.from, r.to = centred(x), centred(y)
	gram := mat.NewSymDense(f, nil)
	gram.SymOuterK(1, x.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return r, false
	}
	var q, z, t mat.Dense
	eigen.VectorsTo(&q)
	z.Mul(x, &q)
	t.Mul(z.T(), y)
	values := eigen.Values(nil) // ascending
	largest := max(values[f-1], 1e-30)
	best := math.Inf(1)
	var share *mat.Dense
	for step := range 13 { // 10^-5 to 10 times the largest eigenvalue
		penalty := largest * math.Pow(10, -5+float64(step)/2)
		weights := make([]float64, f)
		for j, v := range values {
			weights[j] = 1 / (max(0, v) + penalty)
		}
		var by mat.Dense
		by.Mul(mat.NewDiagDense(f, weights), &t)
		if e, reach := leftOut(&z, y, &by, weights, n); e < best {
			best, share = e, &by
			r.stretch = min(maxStretch, mat.Norm(y, 2)/max(1e-30, math.Sqrt(reach)))
		}
	}
	if share == nil {
		return r, false
	}
	r.by = new(mat.Dense)
	r.by.Mul(&q, share)
	return r, true
}

// maxStretch bounds what is made of inputs that hardly tell anything.
const maxStretch = 4

// leftOut foretells every row of the centred y from all others: the squared error, and the squared length of what is foretold.
func leftOut(z, y, by *mat.Dense, weights []float64, n int) (sum, reach float64) {
	var fit mat.Dense
	fit.Mul(z, by)
	for i := range n {
		own := 1 / float64(n) // how much a row's own y counts in its fit; the mean's part
		for j, v := range z.RawRowView(i) {
			own += v * v * weights[j]
		}
		for j, v := range fit.RawRowView(i) {
			e := (y.At(i, j) - v) / max(1e-6, 1-own)
			sum += e * e
			reach += (y.At(i, j) - e) * (y.At(i, j) - e)
		}
	}
	return sum, reach
}

// at foretells one row.
func (r ridge) at(x []float32, dst []float64) {
	copy(dst, r.to)
	for j, v := range x {
		d := float64(v) - r.from[j]
		if d == 0 {
			continue
		}
		for k, b := range r.by.RawRowView(j) {
			dst[k] += d * b
		}
	}
}

// centred subtracts each column's mean and gives the means.
func centred(x *mat.Dense) []float64 {
	rows, cols := x.Dims()
	means := make([]float64, cols)
	for i := range rows {
		for j, v := range x.RawRowView(i) {
			means[j] += v / float64(rows)
		}
	}
	for i := range rows {
		row := x.RawRowView(i)
		for j := range row {
			row[j] -= means[j]
		}
	}
	return means
}

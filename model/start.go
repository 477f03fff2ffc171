package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// ContentStart makes item vectors (items × dim, row by row) from public features (items × f): principal components,
// centred, each row's root mean square norm 1. Columns beyond the features' rank get a small fixed pattern, so that no two
// channels of the vector are equal.
func ContentStart(features [][]float32, items, dim int) ([]float32, error) {
	if len(features) != items || items == 0 || len(features[0]) == 0 {
		return nil, fmt.Errorf("content start: features for %d items, the layout has %d", len(features), items)
	}
	f := len(features[0])
	x := mat.NewDense(items, f, nil)
	for i, row := range features {
		if len(row) != f {
			return nil, fmt.Errorf("content start: item %d has %d features, the first one %d", i, len(row), f)
		}
		for j, v := range row {
			x.Set(i, j, float64(v))
		}
	}
	centre(x)
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThin) {
		return nil, fmt.Errorf("content start: the features have no singular value decomposition")
	}
	var u mat.Dense
	svd.UTo(&u)
	values := svd.Values(nil)
	out := make([]float32, items*dim)
	for k := range dim {
		for i := range items {
			var v float64
			if k < len(values) && values[k] > 1e-9*values[0] {
				v = u.At(i, k) * values[k]
			} else {
				v = 1e-3 * math.Sin(float64((i+1)*(k+1)))
			}
			out[i*dim+k] = float32(v)
		}
		fixSign(out, items, dim, k)
	}
	scaleRows(out, items)
	return out, nil
}

// RandomStart makes item vectors (items × dim, row by row) of titles that nothing is known of: normal, each row's root mean
// square norm 1, the same for everyone.
func RandomStart(items, dim int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	out := make([]float32, items*dim)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	scaleRows(out, items)
	return out
}

func centre(x *mat.Dense) {
	rows, cols := x.Dims()
	for j := range cols {
		var mean float64
		for i := range rows {
			mean += x.At(i, j) / float64(rows)
		}
		for i := range rows {
			x.Set(i, j, x.At(i, j)-mean)
		}
	}
}

// fixSign makes the largest entry of a component positive: a decomposition leaves the sign open, and a start must not
// depend on whose it was.
func fixSign(out []float32, items, dim, k int) {
	best := 0
	for i := range items {
		if math.Abs(float64(out[i*dim+k])) > math.Abs(float64(out[best*dim+k])) {
			best = i
		}
	}
	if out[best*dim+k] >= 0 {
		return
	}
	for i := range items {
		out[i*dim+k] = -out[i*dim+k]
	}
}

// scaleRows makes the mean squared norm of the rows 1.
func scaleRows(v []float32, items int) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	s := float32(math.Sqrt(float64(items) / max(sum, 1e-30)))
	for i := range v {
		v[i] *= s
	}
}

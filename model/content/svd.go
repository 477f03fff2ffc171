package content

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// sparse is a matrix in rows: of row i, columns col[start[i]:start[i+1]] hold val there.
type sparse struct {
	rows, cols int
	start, col []int
	val        []float64
}

// times is s·x.
func (s *sparse) times(x *mat.Dense) *mat.Dense {
	_, k := x.Dims()
	out := mat.NewDense(s.rows, k, nil)
	for i := range s.rows {
		row := out.RawRowView(i)
		for e := s.start[i]; e < s.start[i+1]; e++ {
			add(row, x.RawRowView(s.col[e]), s.val[e])
		}
	}
	return out
}

// transposedTimes is sᵀ·x.
func (s *sparse) transposedTimes(x *mat.Dense) *mat.Dense {
	_, k := x.Dims()
	out := mat.NewDense(s.cols, k, nil)
	for i := range s.rows {
		row := x.RawRowView(i)
		for e := s.start[i]; e < s.start[i+1]; e++ {
			add(out.RawRowView(s.col[e]), row, s.val[e])
		}
	}
	return out
}

func add(dst, x []float64, factor float64) {
	for i, v := range x {
		dst[i] += factor * v
	}
}

// Of the randomised range finder: how many more directions than wanted it follows, how often it goes through the matrix and
// back, and its seed, which is everybody's.
const (
	oversampling = 10
	passes       = 4
	rangeSeed    = 0x5eed
)

var errNoSVD = errors.New("no singular value decomposition was found")

// reduce is U·Σ of the first k singular triples (rows × at most k), by a randomised range finder with power passes (Halko,
// Martinsson, Tropp 2011, algorithms 4.4 and 5.1). Each column's largest entry is positive.
func (s *sparse) reduce(k int) (*mat.Dense, error) {
	k = min(k, s.rows, s.cols)
	if k == 0 || len(s.val) == 0 {
		return nil, nil
	}
	wide := min(k+oversampling, s.rows, s.cols)
	rng := rand.New(rand.NewPCG(rangeSeed, uint64(wide)))
	omega := mat.NewDense(s.cols, wide, nil)
	for i := range s.cols {
		for j := range wide {
			omega.Set(i, j, rng.NormFloat64())
		}
	}
	q := orthonormal(s.times(omega))
	for range passes {
		q = orthonormal(s.times(orthonormal(s.transposedTimes(q))))
	}
	// s ≈ q·(qᵀ·s). With (qᵀ·s)ᵀ = p·r, the right singular vectors of the small r are the left ones of qᵀ·s.
	_, r := factor(s.transposedTimes(q))
	var svd mat.SVD
	if !svd.Factorize(r, mat.SVDThin) {
		return nil, errNoSVD
	}
	var v, u mat.Dense
	svd.VTo(&v)
	u.Mul(q, v.Slice(0, wide, 0, k))
	for j, value := range svd.Values(nil)[:k] {
		scaleColumn(&u, j, value)
	}
	return &u, nil
}

// orthonormal is an orthonormal basis of the columns of x, which has at least as many rows.
func orthonormal(x *mat.Dense) *mat.Dense {
	q, _ := factor(x)
	return q
}

// factor is the thin QR factorisation of x, which is overwritten by q.
func factor(x *mat.Dense) (q, r *mat.Dense) {
	a := x.RawMatrix()
	tau := make([]float64, a.Cols)
	work := workspace(func(w []float64, n int) { lapack64.Geqrf(a, tau, w, n) })
	lapack64.Geqrf(a, tau, work, len(work))
	r = mat.NewDense(a.Cols, a.Cols, nil)
	for i := range a.Cols {
		copy(r.RawRowView(i)[i:], a.Data[i*a.Stride+i:i*a.Stride+a.Cols])
	}
	work = workspace(func(w []float64, n int) { lapack64.Orgqr(a, tau, w, n) })
	lapack64.Orgqr(a, tau, work, len(work))
	return x, r
}

// workspace asks a routine how much room it wants, as LAPACK's callers do.
func workspace(ask func(work []float64, n int)) []float64 {
	size := make([]float64, 1)
	ask(size, -1)
	return make([]float64, int(size[0]))
}

// scaleColumn multiplies a column by a factor that is not negative, and turns it so that its largest entry is positive: a
// decomposition leaves the sign open.
func scaleColumn(m *mat.Dense, j int, factor float64) {
	rows, _ := m.Dims()
	top := 0.0
	for i := range rows {
		if v := m.At(i, j); math.Abs(v) > math.Abs(top) {
			top = v
		}
	}
	if top < 0 {
		factor = -factor
	}
	for i := range rows {
		m.Set(i, j, factor*m.At(i, j))
	}
}

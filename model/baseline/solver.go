package baseline

import (
	"math"

	"github.com/cinesync/cinesync/model/kernel"
)

// solver solves the normal equations of one row, in memory that it keeps.
type solver struct {
	d    int
	rows []float32 // gathered, plays × d
	a32  []float32
	a    []float64 // d × d, then its Cholesky factor in the lower half
	b    []float64
}

func newSolver(d int) *solver {
	return &solver{d: d, a32: make([]float32, d*d), a: make([]float64, d*d), b: make([]float64, d)}
}

// solve writes (gram + Σ hᵢhᵢᵀ + ridge·I)⁻¹ Σ hᵢ to dst, over the rows of side that plays names.
func (s *solver) solve(dst, gram, side []float32, plays []int32, ridge float64) {
	d := s.d
	if len(plays) == 0 {
		clear(dst)
		return
	}
	s.rows = s.rows[:0]
	clear(s.b)
	for _, p := range plays {
		s.rows = append(s.rows, side[int(p)*d:(int(p)+1)*d]...)
	}
	copy(s.a32, gram)
	kernel.AddTN(s.a32, s.rows, s.rows, d, d, len(plays))
	for r := range plays {
		for k, v := range s.rows[r*d : (r+1)*d] {
			s.b[k] += float64(v)
		}
	}
	for i, v := range s.a32 {
		s.a[i] = float64(v)
	}
	for k := range d {
		s.a[k*d+k] += ridge
	}
	s.factor()
	s.substitute()
	for k, v := range s.b {
		dst[k] = float32(v)
	}
}

// factor replaces the lower half of a by its Cholesky factor. The ridge keeps the diagonal positive; rounding may not.
func (s *solver) factor() {
	d := s.d
	for i := range d {
		row := s.a[i*d : i*d+i+1]
		for j := range i {
			other := s.a[j*d : j*d+j+1]
			sum := row[j]
			for k, v := range other[:j] {
				sum -= row[k] * v
			}
			row[j] = sum / other[j]
		}
		sum := row[i]
		for _, v := range row[:i] {
			sum -= v * v
		}
		row[i] = math.Sqrt(max(sum, 1e-12))
	}
}

func (s *solver) substitute() {
	d := s.d
	for i := range d {
		for k := range i {
			s.b[i] -= s.a[i*d+k] * s.b[k]
		}
		s.b[i] /= s.a[i*d+i]
	}
	for i := d - 1; i >= 0; i-- {
		for k := i + 1; k < d; k++ {
			s.b[i] -= s.a[k*d+i] * s.b[k]
		}
		s.b[i] /= s.a[i*d+i]
	}
}

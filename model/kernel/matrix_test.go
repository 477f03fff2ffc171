package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// unit is the relative error of one rounding.
const unit = 1.0 / (1 << 24)

// product is one of the three, with the place of (i, p) in a and of (p, j) in b.
type product struct {
	name string
	call func(l level, c, a, b []float32, m, n, k int, add bool)
	a, b func(i, p, m, n, k int) int
}

var products = []product{
	{"NT", level.nt, func(i, p, m, n, k int) int { return i*k + p }, func(j, p, m, n, k int) int { return j*k + p }},
	{"NN", level.nn, func(i, p, m, n, k int) int { return i*k + p }, func(j, p, m, n, k int) int { return p*n + j }},
	{"TN", level.tn, func(i, p, m, n, k int) int { return p*m + i }, func(j, p, m, n, k int) int { return p*n + j }},
}

// check runs one product and holds it against the sum in float64, within (k+1) roundings of Σ|a·b| + |c|: the bound of
// any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Of large matrices it looks at
// some places, all rows and columns among them.
func (p product) check(l level, m, n, k int, add bool, rng *rand.Rand) error {
	a, b, start := normals(rng, m*k), normals(rng, n*k), normals(rng, m*n)
	c, stays := fenced(start)
	p.call(l, c, a, b, m, n, k, add)
	skip := 1 + m*n*k>>17
	for i := range m {
		for j := i % skip; j < n; j += skip {
			var want, size float64
			if add {
				want = float64(start[i*n+j])
				size = math.Abs(want)
			}
			for q := range k {
				v := float64(a[p.a(i, q, m, n, k)]) * float64(b[p.b(j, q, m, n, k)])
				want += v
				size += math.Abs(v)
			}
			if got := float64(c[i*n+j]); !(math.Abs(got-want) <= float64(k+1)*unit*size) {
				return fmt.Errorf("%s %v m=%d n=%d k=%d add=%v: (%d, %d) is %v, wants %v", p.name, l, m, n, k, add, i, j, got, want)
			}
		}
	}
	if !stays() {
		return fmt.Errorf("%s %v m=%d n=%d k=%d add=%v writes outside c", p.name, l, m, n, k, add)
	}
	return nil
}

// TestProductsOfSmallSizes goes through sizes on both sides of every block and tail.
func TestProductsOfSmallSizes(t *testing.T) {
	sizes := []int{0, 1, 3, 4, 7, 8, 10, 13, 16, 17, 31, 33, 35}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, l := range levels() {
		for _, p := range products {
			for _, m := range sizes[:8] {
				for _, n := range sizes {
					for _, k := range sizes {
						if err := p.check(l, m, n, k, (m+n+k)%2 == 0, rng); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
	}
}

func TestProductsOfAnySize(t *testing.T) {
	for _, l := range levels() {
		for _, p := range products {
			rapid.Check(t, func(t *rapid.T) {
				size := rapid.IntRange(0, 130)
				m, n, k := size.Draw(t, "m"), size.Draw(t, "n"), size.Draw(t, "k")
				rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				if err := p.check(l, m, n, k, rapid.Bool().Draw(t, "add"), rng); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestProductsAtTrainingShapes takes the sizes that training asks for: a device's cuts against MovieLens 1M, NeuMF's
// layers over a batch, in-batch scores.
func TestProductsAtTrainingShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, s := range [][3]int{{4, 3706, 32}, {10, 3706, 16}, {4, 32, 3706}, {3706, 32, 4}, {256, 32, 64}, {32, 64, 256}, {256, 256, 32}, {256, 1, 8}} {
		for _, l := range levels() {
			for _, p := range products {
				if err := p.check(l, s[0], s[1], s[2], true, rng); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestProductsCarryNaN puts a NaN at each place of a and of b in turn: its row, or its column, becomes NaN and nothing else.
func TestProductsCarryNaN(t *testing.T) {
	const m, n, k = 5, 19, 21
	nan := float32(math.NaN())
	for _, l := range levels() {
		for _, p := range products {
			for q := range k {
				a, b, c := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
				row, column := q%m, q%n
				a[p.a(row, q, m, n, k)] = nan
				b[p.b(column, q, m, n, k)] = nan
				p.call(l, c, a, b, m, n, k, false)
				for i := range m {
					for j := range n {
						if got, want := c[i*n+j] != c[i*n+j], i == row || j == column; got != want {
							t.Fatalf("%s %v: NaN at k=%d, (%d, %d) is %v", p.name, l, q, i, j, c[i*n+j])
						}
					}
				}
			}
		}
	}
}

func TestProductsRefuseShortSlices(t *testing.T) {
	full, short := make([]float32, 12), make([]float32, 11)
	calls := map[string]func(c, a, b []float32, m, n, k int){"NT": NT, "NN": NN, "TN": TN, "AddNT": AddNT, "AddNN": AddNN, "AddTN": AddTN}
	for name, call := range calls {
		if !panics(func() { call(short, full, full, 3, 4, 3) }) || !panics(func() { call(full, short, full, 4, 3, 3) }) || !panics(func() { call(full, full, short, 3, 4, 3) }) {
			t.Errorf("%s takes a short operand", name)
		}
		if !panics(func() { call(full, full, full, -1, 1, 1) }) || !panics(func() { call(full, full, full, math.MaxInt, 4, 4) }) {
			t.Errorf("%s takes an impossible size", name)
		}
	}
}

// TestNothingAllocates holds the promise of a training loop.
func TestNothingAllocates(t *testing.T) {
	const m, n, k = 7, 37, 19
	a, b, c := make([]float32, m*k), make([]float32, n*k), make([]float32, m*n)
	step := NewAdamStep(1, 0.1, 0.9, 0.999, 1e-8)
	got := testing.AllocsPerRun(10, func() {
		NT(c, a, b, m, n, k)
		NN(c, a, b, m, n, k)
		TN(c, a, b, m, n, k)
		AddNT(c, a, b, m, n, k)
		Softmax(c)
		BiasRelu(c, a[:n], m)
		SumRows(a[:n], c, m)
		ReluBackward(c, c)
		step.Update(a, b[:m*k], c[:m*k], a)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

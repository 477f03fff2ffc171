package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// lengths cover empty vectors, every tail, and several blocks of any form.
func lengths() []int {
	var out []int
	for n := range 70 {
		out = append(out, n)
	}
	return append(out, 127, 128, 129, 255, 1000, 3706)
}

// everyLength runs f for each form and length with fenced copies of random vectors, and checks that f stays within them.
func everyLength(t *testing.T, f func(l level, x, y []float32)) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, l := range levels() {
		for _, n := range lengths() {
			x, xStays := fenced(normals(rng, n))
			y, yStays := fenced(normals(rng, n))
			f(l, x, y)
			if !xStays() || !yStays() {
				t.Fatalf("%v writes outside vectors of %d", l, n)
			}
		}
	}
}

func near(got float32, want, tolerance float64) bool { return math.Abs(float64(got)-want) <= tolerance }

func TestDotAndSumSquares(t *testing.T) {
	everyLength(t, func(l level, x, y []float32) {
		var dot, size, squares float64
		for i := range x {
			v := float64(x[i]) * float64(y[i])
			dot += v
			size += math.Abs(v)
			squares += float64(x[i]) * float64(x[i])
		}
		if got := l.dot(x, y); !near(got, dot, float64(len(x)+1)*unit*size) {
			t.Fatalf("%v: dot of %d is %v, wants %v", l, len(x), got, dot)
		}
		if got := l.sumSquares(x); !(math.Abs(got-squares) <= 1e-13*squares) {
			t.Fatalf("%v: squares of %d sum to %v, wants %v", l, len(x), got, squares)
		}
	})
}

func TestSumSquaresDoesNotOverflow(t *testing.T) {
	x := make([]float32, 50)
	for i := range x {
		x[i] = 1e30
	}
	for _, l := range levels() {
		if got := l.sumSquares(x); math.Abs(got/50e60-1) > 1e-6 {
			t.Errorf("%v: %v", l, got)
		}
	}
}

func TestAxpyAndScale(t *testing.T) {
	everyLength(t, func(l level, x, y []float32) {
		before := append([]float32(nil), y...)
		l.axpy(-1.7, x, y)
		for i := range x {
			step := float64(float32(-1.7)) * float64(x[i])
			if !near(y[i], step+float64(before[i]), 2*unit*(math.Abs(step)+math.Abs(float64(before[i])))) {
				t.Fatalf("%v: axpy of %d at %d: %v", l, len(x), i, y[i])
			}
		}
		copy(before, x)
		l.scale(0.3, x)
		for i := range x {
			if x[i] != 0.3*before[i] {
				t.Fatalf("%v: scale of %d at %d: %v", l, len(x), i, x[i])
			}
		}
	})
}

func TestAddIsExact(t *testing.T) {
	x, y := []float32{1, 2, 3}, []float32{0.5, -2, 4}
	Add(x, y)
	if x[0] != 1.5 || x[1] != 0 || x[2] != 7 {
		t.Error(x)
	}
}

// TestReluBackward: gradients pass where the output was above 0, and beside a NaN.
func TestReluBackward(t *testing.T) {
	everyLength(t, func(l level, x, y []float32) {
		for i := range x {
			if i%7 == 3 {
				x[i] = float32(math.NaN())
			}
			if i%11 == 5 {
				x[i] = 0
			}
		}
		grad := append([]float32(nil), y...)
		l.reluBackward(y, x)
		for i, v := range x {
			want := grad[i]
			if v <= 0 {
				want = 0
			}
			if y[i] != want {
				t.Fatalf("%v: beside %v at %d of %d the gradient %v became %v", l, v, i, len(x), grad[i], y[i])
			}
		}
	})
}

// TestRowsAndBias compares the operations on rows with their definition, in exact small whole numbers.
func TestRowsAndBias(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	whole := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(rng.IntN(41) - 20)
		}
		return out
	}
	for _, l := range levels() {
		for _, n := range lengths()[:70] {
			for _, m := range []int{0, 1, 2, 3, 5, 8, 9} {
				start, bias, total := whole(m*n), whole(n), whole(n)
				added, stays1 := fenced(start)
				cut, stays2 := fenced(start)
				sum, stays3 := fenced(total)
				l.addBias(added, bias, m)
				l.biasRelu(cut, bias, m)
				l.sumRows(sum, start, m)
				for i, v := range start {
					want := v + bias[i%n]
					total[i%n] += v
					if added[i] != want || cut[i] != max(want, 0) {
						t.Fatalf("%v m=%d n=%d: %v + %v became %v and %v", l, m, n, v, bias[i%n], added[i], cut[i])
					}
				}
				for j := range total {
					if sum[j] != total[j] {
						t.Fatalf("%v m=%d n=%d: column %d sums to %v, wants %v", l, m, n, j, sum[j], total[j])
					}
				}
				if !stays1() || !stays2() || !stays3() {
					t.Fatalf("%v m=%d n=%d: written outside", l, m, n)
				}
			}
		}
	}
}

func TestVectorsRefuseUnequalLengths(t *testing.T) {
	x, y := make([]float32, 3), make([]float32, 4)
	step := NewAdamStep(1, 1, 0.9, 0.999, 1e-8)
	for i, call := range []func(){
		func() { Dot(x, y) }, func() { Axpy(1, x, y) }, func() { Add(x, y) }, func() { ReluBackward(x, y) },
		func() { AddBias(x, y, 1) }, func() { BiasRelu(x, y, 1) }, func() { SumRows(y, x, 1) },
		func() { step.Update(x, x, x, y) }, func() { step.Update(x, y, x, x) }, func() { step.Update(x, x, y, x) }, func() { step.Update(y, x, x, x) },
	} {
		if !panics(call) {
			t.Errorf("call %d takes them", i)
		}
	}
}

package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestExpWithinTwoUlp walks the whole range, values that become denormal included.
func TestExpWithinTwoUlp(t *testing.T) {
	var x []float32
	for v := -110.0; v < 95; v += 0.00713 {
		x = append(x, float32(v))
	}
	for _, l := range levels() {
		got := append([]float32(nil), x...)
		l.expSum(got, 0)
		for i, v := range x {
			if off := ulps(got[i], math.Exp(float64(v))); !(off <= 2) {
				t.Fatalf("%v: exp(%v) is %v, off by %v", l, v, got[i], off)
			}
		}
	}
}

// ulps is the distance of got from want in units of got's last place.
func ulps(got float32, want float64) float64 {
	if float64(got) == want || got == float32(want) {
		return 0
	}
	return math.Abs(float64(got)-want) / math.Max(math.Ldexp(1, math.Ilogb(want)-23), math.SmallestNonzeroFloat32)
}

func TestExpAtTheEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, l := range levels() {
		for _, c := range []struct{ x, want float32 }{
			{0, 1}, {float32(math.Copysign(0, -1)), 1}, {inf, inf}, {-inf, 0}, {-104, 0}, {-1e30, 0}, {89, inf}, {1e30, inf},
			{-103.97, math.SmallestNonzeroFloat32}, {nan, nan},
		} {
			x := make([]float32, 40) // whole blocks and tails
			for i := range x {
				x[i] = c.x
			}
			l.expSum(x, 0)
			for i, got := range x {
				if got != c.want && !(isNaN(got) && isNaN(c.want)) {
					t.Errorf("%v: exp(%v) at %d is %v, wants %v", l, c.x, i, got, c.want)
					break
				}
			}
		}
	}
}

func TestSoftmax(t *testing.T) {
	everyLength(t, func(l level, x, y []float32) {
		for i := range x {
			x[i] = x[i]*5 + 300 // far above where exp overflows
		}
		copy(y, x)
		var sum float64
		for _, v := range y {
			sum += math.Exp(float64(v) - 300)
		}
		want := math.Log(sum) + 300
		if got := l.softmax(x); len(x) > 0 && !(math.Abs(got-want) <= 1e-5) || len(x) == 0 && got != math.Inf(-1) {
			t.Fatalf("%v: the logarithm of %d is %v, wants %v", l, len(x), got, want)
		}
		for i, v := range y {
			if p := math.Exp(float64(v) - want); !near(x[i], p, 1e-5*p) {
				t.Fatalf("%v: share %d of %d is %v, wants %v", l, i, len(x), x[i], p)
			}
		}
	})
}

func TestSoftmaxLeavesOutMinusInfinity(t *testing.T) {
	for _, l := range levels() {
		x := normals(rand.New(rand.NewPCG(5, 5)), 45)
		for i := range x {
			if i%3 != 0 {
				x[i] = float32(math.Inf(-1))
			}
		}
		l.softmax(x)
		none := []float32{float32(math.Inf(-1)), float32(math.Inf(-1))}
		if got := l.softmax(none); !math.IsNaN(got) || !isNaN(none[0]) || !isNaN(none[1]) {
			t.Errorf("%v: with everything left out %v and %v", l, got, none)
		}
		var sum float64
		for i, v := range x {
			if i%3 != 0 && v != 0 {
				t.Errorf("%v: left out, %d has %v", l, i, v)
			}
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("%v: sums to %v", l, sum)
		}
	}
}

// TestSoftmaxCarriesNaN puts a NaN, or +Inf, at each place in turn.
func TestSoftmaxCarriesNaN(t *testing.T) {
	for _, l := range levels() {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			for at := range 50 {
				x := make([]float32, 50)
				x[at] = bad
				if got := l.softmax(x); !math.IsNaN(got) || slices.ContainsFunc(x, func(v float32) bool { return !isNaN(v) }) {
					t.Fatalf("%v: %v at %d gives %v and %v", l, bad, at, got, x)
				}
			}
		}
	}
}

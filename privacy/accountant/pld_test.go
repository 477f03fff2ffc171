package accountant

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/privacy"
)

// TestGridMeetsTheGaussian holds composed grids against the exact Gaussian, which T of them without sampling are. At δ = 1e-14 rounding in
// the transform would show if it were not relative to what is looked for.
func TestGridMeetsTheGaussian(t *testing.T) {
	for _, c := range []struct {
		z, delta float64
		steps    int
	}{{1, 1e-5, 1}, {4, 0.3, 1}, {10, 1e-6, 100}, {30, 1e-14, 1000}, {2, 0.01, 3}, {100, 1e-10, 20_000}} {
		exact, err := privacy.GaussianEpsilon(float64(c.steps)/(2*c.z*c.z), c.delta)
		check(t, err)
		p := PLD{c.z, 1, c.steps, 1e-3}
		f, err := p.Epsilon(c.delta)
		check(t, err)
		if off := f.Epsilon - exact; off < -1e-9 || off > 1e-4+0.01*exact {
			t.Errorf("%+v: ε = %v, exact %v", c, f.Epsilon, exact)
		}
		back, err := p.Delta(f.Epsilon)
		check(t, err)
		if f.Epsilon > 0 && math.Abs(back.Delta/c.delta-1) > 1e-6 {
			t.Errorf("%+v: δ(ε(δ)) is %v", c, back.Delta)
		}
	}
}

// TestOneStepIsExact: a grid is a chord of the exact curve, and meets it at its points.
func TestOneStepIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, q := rapid.Float64Range(0.5, 8).Draw(t, "z"), math.Exp(rapid.Float64Range(-7, 0).Draw(t, "ln q"))
		eps := 0.01 * float64(rapid.IntRange(0, 300).Draw(t, "ε/h"))
		exact, err := SampledDelta(z, q, eps)
		if err != nil {
			t.Fatal(err)
		}
		f, err := PLD{z, q, 1, 0.01}.Delta(eps)
		if err != nil {
			t.Fatal(err)
		}
		if off := f.Delta - exact; math.Abs(off) > 1e-12+1e-6*exact {
			t.Fatalf("δ(%v) = %v, exact %v", eps, f.Delta, exact)
		}
		between, err := SampledDelta(z, q, eps+0.005)
		if err != nil {
			t.Fatal(err)
		}
		if f, err = (PLD{z, q, 1, 0.01}).Delta(eps + 0.005); err != nil || f.Delta < between*(1-1e-6)-1e-12 {
			t.Fatalf("between points: δ = %v below the exact %v, %v", f.Delta, between, err)
		}
	})
}

// TestAccountantsAgree: on the same mechanism the grid is never above the RDP figure, and sampling never costs.
func TestAccountantsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, q := rapid.Float64Range(0.8, 10).Draw(t, "z"), rapid.Float64Range(0.005, 1).Draw(t, "q")
		n, delta := rapid.IntRange(1, 40).Draw(t, "steps"), math.Exp(rapid.Float64Range(-25, -2).Draw(t, "ln δ"))
		one, err := Subsampled(z, q)
		if err != nil {
			t.Fatal(err)
		}
		all, err := one.Times(n)
		if err != nil {
			t.Fatal(err)
		}
		rdp, err := all.LeastEpsilon(delta)
		if err != nil {
			t.Fatal(err)
		}
		pld, err := PLD{z, q, n, 2e-3}.Epsilon(delta)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := privacy.GaussianEpsilon(float64(n)/(2*z*z), delta)
		if err != nil {
			t.Fatal(err)
		}
		if pld.Epsilon > rdp.Epsilon*1.001+4e-3 || pld.Epsilon > whole*1.001+4e-3 {
			t.Fatalf("grid %v, rdp %v, unsampled %v", pld, rdp, whole)
		}
		if r := all.Plus(one); r.at(3) <= all.at(3) {
			t.Fatal("more cost less")
		}
	})
}

func TestSmallestNoiseIsEnoughAndTight(t *testing.T) {
	for _, c := range []struct {
		eps, delta, q float64
		steps         int
	}{{1, 1e-5, 0.01, 1}, {2, 1e-6, 0.02, 300}, {1, 1e-5, 1, 10}, {0.5, 1e-6, 0.01, 100_000}} {
		z, f, err := SmallestNoise(c.eps, c.delta, c.q, c.steps)
		check(t, err)
		at := func(z float64) float64 {
			got, err := PLD{z, c.q, c.steps, 1e-4}.Delta(c.eps)
			check(t, err)
			return got.Delta
		}
		if at(z) > c.delta*(1+1e-6) || at(z*0.999) < c.delta {
			t.Errorf("%+v: z = %v (%v): δ = %v there and %v at a thousandth less", c, z, f, at(z), at(z*0.999))
		}
	}
}

// TestGridsAreBounded: what would take too much memory is refused before it is taken, with the width that would do.
func TestGridsAreBounded(t *testing.T) {
	for _, p := range []PLD{{0.01, 0.5, 1, 1e-4}, {1, 0.5, 1, 1e-8}, {1, 0.5, MaxSteps, 1e-4}, {0.03, 0.5, 1, 0.5}} {
		var wrong InputError
		if _, err := p.Epsilon(1e-5); !errors.As(err, &wrong) || !strings.Contains(wrong.Want, "span") {
			t.Errorf("%+v: %v", p, err)
		}
		if _, err := p.Delta(1); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range []PLD{{1, 0, 10, 1e-4}} {
		if f, err := p.Epsilon(1e-5); err != nil || f.Epsilon != 0 {
			t.Errorf("nobody is sampled: %v, %v", f, err)
		}
	}
}

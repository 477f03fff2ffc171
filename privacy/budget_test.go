package privacy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestLargestRhoIsTheInverse: what it gives stays within ε, and a trifle more does not.
func TestLargestRhoIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eps := math.Exp(rapid.Float64Range(-6, 6).Draw(t, "ln eps"))
		delta := math.Exp(rapid.Float64Range(-40, -2).Draw(t, "ln delta"))
		rho, err := LargestRho(eps, delta)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := Epsilon(rho, delta); err != nil || got > eps {
			t.Fatalf("ρ = %v costs ε = %v (%v), %v was allowed", rho, got, err, eps)
		}
		if got, _, err := Epsilon(rho*(1+1e-9), delta); err != nil || got < eps {
			t.Fatalf("ρ = %v is not the most: a billionth more costs ε = %v (%v) of %v", rho, got, err, eps)
		}
	})
}

func TestLargestRhoOfPublishedPairs(t *testing.T) {
	// arXiv 2305.18465: ρ = 0.81 is ε = 8.92 at δ = 10^−10.
	if rho, err := LargestRho(8.92, 1e-10); err != nil || math.Abs(rho-0.81) > 0.002 {
		t.Errorf("ρ = %v (%v), want 0.81", rho, err)
	}
}

func TestBadBudgets(t *testing.T) {
	for _, eps := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if rho, err := LargestRho(eps, 1e-6); err == nil {
			t.Errorf("ε = %v gave ρ = %v", eps, rho)
		}
	}
	for _, delta := range []float64{0, 1, -1, math.NaN()} {
		if rho, err := LargestRho(1, delta); err == nil {
			t.Errorf("δ = %v gave ρ = %v", delta, rho)
		}
	}
	for _, rho := range []float64{-1, math.NaN(), 1 << 24, math.Inf(1)} {
		if u, err := ToUnits(rho); err == nil {
			t.Errorf("ρ = %v gave %d units", rho, u)
		}
	}
	for _, in := range []struct {
		c    uint32
		each Units
	}{{0, 1}, {1, 0}, {math.MaxUint32, 1}} {
		if s, err := LeastNoise(in.c, in.each); err == nil {
			t.Errorf("C_int = %d at %d units gave σ² = %d", in.c, in.each, s)
		}
	}
}

// TestLeastNoiseIsLeast holds it against Charge, its inverse.
func TestLeastNoiseIsLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Uint32Range(1, math.MaxUint32).Draw(t, "C_int")
		each := Units(rapid.Uint64Range(1, math.MaxUint64).Draw(t, "units"))
		sigmaSq, err := LeastNoise(c, each)
		if err != nil {
			return // that nothing fits is the table's
		}
		if u, err := Charge(c, sigmaSq); err != nil || u > each {
			t.Fatalf("σ² = %d costs %d (%v), %d was allowed", sigmaSq, u, err, each)
		}
		if sigmaSq > 1 {
			if u, err := Charge(c, sigmaSq-1); err == nil && u <= each {
				t.Fatalf("σ² = %d costs %d already, %d was allowed", sigmaSq-1, u, each)
			}
		}
	})
}

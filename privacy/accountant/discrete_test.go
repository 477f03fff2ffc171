package accountant

import (
	"math"
	"testing"
)

// TestDiscretePLDOfOneStep takes the definition: δ is the least mass by which P passes e^ε times its neighbour, and ε its inverse.
func TestDiscretePLDOfOneStep(t *testing.T) {
	for _, row := range []struct {
		sigmaSq, shift int
		delta          float64
	}{{16, 1, 1e-5}, {16, 4, 1e-6}, {100, 10, 1e-6}, {2500, 7, 1e-4}} {
		law, err := DiscreteGaussian(row.sigmaSq)
		if err != nil {
			t.Fatal(err)
		}
		deltaOf := func(eps float64) (d float64) {
			for x := -law.far / 2; x <= law.far/2; x++ {
				d += max(0, law.P(x)-math.Exp(eps)*law.P(x+row.shift))
			}
			return d
		}
		low, high := 0.0, 100.0
		for range 100 {
			if mid := (low + high) / 2; deltaOf(mid) > row.delta {
				low = mid
			} else {
				high = mid
			}
		}
		got, err := DiscretePLD{SigmaSq: row.sigmaSq, Shift: row.shift, Steps: 1, Discretisation: 1e-4}.Epsilon(row.delta)
		if err != nil || got.Epsilon < high-1e-9 || got.Epsilon > high*1.001+1e-4 {
			t.Errorf("%+v: ε = %v (%v), by the definition %v", row, got.Epsilon, err, high)
		}
	}
}

// TestDiscretePLDNearsTheContinuous: with a large σ and many steps it is the continuous Gaussian's, and the ledgers' zCDP is above it.
func TestDiscretePLDNearsTheContinuous(t *testing.T) {
	const steps, shift, delta = 30, 50, 1e-6
	got, err := DiscretePLD{SigmaSq: 200 * 200, Shift: shift, Steps: steps, Discretisation: 1e-3}.Epsilon(delta)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Gaussian(4)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Times(steps); err != nil {
		t.Fatal(err)
	}
	orders, err := Orders("default")
	if err != nil {
		t.Fatal(err)
	}
	rdp, err := c.Epsilon(delta, orders)
	if err != nil {
		t.Fatal(err)
	}
	exact := 7.02 // design: privacy 12.1, z = 4, P = 30, the exact Gaussian to two places
	if math.Abs(got.Epsilon-exact) > 0.01 || got.Epsilon > rdp.Epsilon {
		t.Errorf("ε = %v, the exact Gaussian's is %v, by RDP %v", got.Epsilon, exact, rdp.Epsilon)
	}
}

func TestBadDiscretePLD(t *testing.T) {
	good := DiscretePLD{SigmaSq: 16, Shift: 1, Steps: 1, Discretisation: 1e-3}
	for i, change := range []func(*DiscretePLD){func(p *DiscretePLD) { p.SigmaSq = 0 }, func(p *DiscretePLD) { p.Shift = 0 }, func(p *DiscretePLD) { p.Steps = 0 },
		func(p *DiscretePLD) { p.Discretisation = math.NaN() }, func(p *DiscretePLD) { p.Shift, p.Discretisation = 1<<20, 1e-9 }} {
		bad := good
		change(&bad)
		if f, err := bad.Epsilon(1e-6); err == nil {
			t.Errorf("%d: %+v gave %v", i, bad, f)
		}
	}
	for _, delta := range []float64{0, 1, math.NaN()} {
		if f, err := good.Epsilon(delta); err == nil {
			t.Errorf("δ = %v gave %v", delta, f)
		}
	}
}

package accountant

import (
	"fmt"
	"math"
)

// DiscretePLD is the accountant by privacy loss distributions of Steps discrete Gaussians of parameter SigmaSq on one integer coordinate,
// which differs by Shift between neighbours. It is exact up to its grid, which errs towards more. The ledgers' zCDP bounds it from
// above; how far above is what it is for.
type DiscretePLD struct {
	SigmaSq, Shift, Steps int
	Discretisation        float64 // width of the grid, in ε
}

// Epsilon returns the least ε of the grid's curve at delta.
func (p DiscretePLD) Epsilon(delta float64) (Figure, error) {
	f := Figure{Delta: delta, Formula: "discrete Gaussian, privacy loss distribution, connect the dots, arXiv 2207.04380"}
	if err := first(checkDelta(delta), whole("shift", p.Shift, 1, 1<<20), checkSteps(p.Steps), within("discretisation", p.Discretisation, 1e-9, 1)); err != nil {
		return f, err
	}
	law, err := DiscreteGaussian(p.SigmaSq)
	if err != nil {
		return f, err
	}
	l, err := p.discretise(law, delta*1e-10/float64(p.Steps))
	if err != nil {
		return f, err
	}
	c, err := l.compose(p.Steps, l.sharpest(p.Steps, -math.Log(delta), 1))
	if err != nil {
		return f, err
	}
	f.Epsilon = c.epsilon(delta)
	return f, finite("ε", f.Epsilon)
}

// discretise puts the loss ln(P(x)/P(x+Δ)) = (2xΔ + Δ²)/(2σ²) of every x on the grid; each is split between its two neighbours so that its
// mass under both laws stays. What lies beyond a mass of tail on either side counts as infinite above, and is moved up below.
func (p DiscretePLD) discretise(law Law, tail float64) (loss, error) {
	far := 1
	for law.Beyond(far) > tail && far < law.far {
		far *= 2
	}
	far = min(far, law.far)
	shift := float64(p.Shift)
	at := func(x int) float64 { return (2*float64(x)*shift + shift*shift) / law.twice }
	if points := (at(far)-at(-far))/p.Discretisation + 4; points > MaxSupport || math.Abs(at(far)) > 600 {
		return loss{}, InputError{"discretisation", p.Discretisation,
			fmt.Sprintf("a wider grid, or more noise: losses of one step reach %.4g and take %.4g points, at most 600 and %d are held", at(far), points, MaxSupport)}
	}
	low, high := int(math.Floor(at(-far)/p.Discretisation)), int(math.Ceil(at(far)/p.Discretisation))
	l := loss{h: p.Discretisation, low: low, mass: make([]float64, high-low+2)}
	for x := -far; x <= far; x++ {
		v := at(x)
		i := int(math.Floor(v / l.h))
		up := math.Expm1(float64(i)*l.h-v) / math.Expm1(-l.h)
		up = min(max(up, 0), 1)
		mass := law.P(x)
		l.mass[i-low] += mass * (1 - up)
		l.mass[i-low+1] += mass * up
	}
	rest := law.Beyond(far) / 2
	l.mass[0] += rest
	l.infinite = rest
	return l, nil
}

package accountant

import (
	"math"

	"github.com/cinesync/cinesync/privacy"
)

// loss is a privacy loss on a grid: mass[i] lies at (low+i)·h, the rest at infinity.
type loss struct {
	h        float64
	low      int
	mass     []float64
	infinite float64
}

// pair is a dominating pair of the Poisson-subsampled Gaussian: one member is removed from, or added to, the sample's data set.
// With M = (1−q)N(0, z²) + qN(1, z²), removing compares M with N(0, z²), adding the other way round.
type pair struct {
	z, q float64
	add  bool
}

// logRatio is ln(M/N(0,z²)) at x, which grows with x from ln(1−q) on.
func (p pair) logRatio(x float64) float64 {
	e := (2*x - 1) / (2 * p.z * p.z)
	switch {
	case p.q == 1:
		return e
	case e > 30: // as e^e may overflow
		return math.Log1p(-p.q) + softplus(e+math.Log(p.q)-math.Log1p(-p.q))
	}
	return math.Log1p(p.q * math.Expm1(e))
}

// where is the inverse of logRatio; −Inf below its range.
func (p pair) where(ratio float64) float64 {
	return p.z*p.z*p.unmixed(ratio) + 0.5
}

// unmixed returns t with (1−q) + q·e^t = e^ratio: what the ratio of M is, as one of N(1, z²) alone; −Inf where there is none.
func (p pair) unmixed(ratio float64) float64 {
	switch {
	case p.q == 1:
		return ratio
	case ratio > 30: // as e^ratio may overflow
		return ratio + math.Log1p(-(1-p.q)*math.Exp(-ratio)) - math.Log(p.q)
	}
	return math.Log(max(p.above(ratio), 0) / p.q)
}

// above is e^ratio − (1−q), without the rounding of a sum of numbers near ±1: the weight of N(1, z²) at that ratio, times its own.
func (p pair) above(ratio float64) float64 {
	if p.q < 0.5 {
		return math.Expm1(ratio) + p.q
	}
	return math.Exp(ratio) - (1 - p.q)
}

// span returns the losses between which all lies but a mass of about tail on each side.
func (p pair) span(tail float64) (low, high float64) {
	k := p.z * math.Sqrt(-2*math.Log(tail)) // P(X > k) < tail
	if p.add {
		return -p.logRatio(k), -p.logRatio(-k)
	}
	return p.logRatio(-k), p.logRatio(1 + k)
}

// cell gives, for losses from a to b, their probability and that probability less e^a times the one under the other law.
func (p pair) cell(a, b float64) (mass, excess float64) {
	low, high := a, b
	if p.add {
		low, high = -b, -a
	}
	x, y := p.where(low), p.where(high)
	zero, one := normalBetween(x/p.z, y/p.z), normalBetween((x-1)/p.z, (y-1)/p.z)
	if p.add {
		// 1 − (1−q)e^a is e^a·(e^−a − (1−q)).
		return zero, math.Exp(a) * (zero*p.above(-a) - p.q*one)
	}
	return (1-p.q)*zero + p.q*one, p.q*one - p.above(a)*zero
}

// discretise puts the loss on a grid of width h. A loss between two points is split between them so that its mass and its mass under
// the other law stay what they are. The curve δ(e^ε) of the result is the chord of the true one between the points, and so never
// below it ("connect the dots", Doroshenko et al., arXiv 2207.04380). What lies below the span is moved up to it, what lies
// above counts as infinite.
func (p pair) discretise(h, tail float64) loss {
	bottom, top := p.span(tail)
	l := loss{h: h, low: int(math.Floor(bottom / h))}
	cells := int(math.Ceil(top/h)) - l.low
	l.mass = make([]float64, cells+1)
	for i := range cells {
		a := float64(l.low+i) * h
		mass, excess := p.cell(a, a+h)
		if !(mass > 0) {
			continue
		}
		up := min(max(excess/-math.Expm1(-h), 0), mass)
		l.mass[i] += mass - up
		l.mass[i+1] += up
	}
	below, _ := p.cell(math.Inf(-1), float64(l.low)*h)
	l.mass[0] += below
	l.infinite, _ = p.cell(float64(l.low+cells)*h, math.Inf(1))
	return l
}

// logMoment returns ln Σ mass·e^(μ·loss) of what is finite. Powers are taken from the end at which they are largest, so that none
// overflows.
func (l loss) logMoment(mu float64) float64 {
	r, sum := math.Exp(-math.Abs(mu)*l.h), 0.0
	if mu > 0 {
		top := len(l.mass) - 1
		for top > 0 && l.mass[top] == 0 {
			top--
		}
		for _, m := range l.mass[:top+1] {
			sum = sum*r + m
		}
		return math.Log(sum) + mu*float64(l.low+top)*l.h
	}
	bottom := 0
	for bottom < len(l.mass)-1 && l.mass[bottom] == 0 {
		bottom++
	}
	for i := len(l.mass) - 1; i >= bottom; i-- {
		sum = sum*r + l.mass[i]
	}
	return math.Log(sum) + mu*float64(l.low+bottom)*l.h
}

// normalBetween is P(a < X < b) of a standard normal, from the tail that is smaller.
func normalBetween(a, b float64) float64 {
	if a > 0 {
		return (math.Erfc(a/math.Sqrt2) - math.Erfc(b/math.Sqrt2)) / 2
	}
	return (math.Erfc(-b/math.Sqrt2) - math.Erfc(-a/math.Sqrt2)) / 2
}

// SampledDelta returns the exact δ of one Gaussian of noise multiplier z on a Poisson sample of rate q at eps, the larger of adding
// and removing one member. With t as in unmixed and G the δ of a Gaussian that is not sampled, removing costs q·G(t(ε)), and adding
// q·e^(ε+t)·G(−t) with t(−ε), or nothing where ε is beyond every loss: nothing of the size of e^ε is subtracted.
func SampledDelta(z, q, eps float64) (float64, error) {
	if err := first(checkNoise(z), checkRate(q), checkEpsilon(eps)); err != nil {
		return 0, err
	}
	if q == 0 {
		return 0, nil
	}
	p := pair{z: z, q: q}
	return max(q*privacy.GaussianDelta(1/(2*z*z), p.unmixed(eps)), p.addedDelta(eps), 0), nil
}

// addedDelta is the δ of adding a member.
func (p pair) addedDelta(eps float64) float64 {
	t := p.unmixed(-eps)
	if math.IsInf(t, -1) {
		return 0
	}
	return math.Exp(eps+t) * p.q * privacy.GaussianDelta(1/(2*p.z*p.z), -t)
}

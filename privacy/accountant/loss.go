package accountant

import "math"

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
	if e > 30 {
		return e + math.Log(p.q) + math.Log1p((1-p.q)/p.q*math.Exp(-e))
	}
	if p.q == 1 {
		return e
	}
	return math.Log1p(p.q * math.Expm1(e))
}

// where is the inverse of logRatio; −Inf below its range.
func (p pair) where(ratio float64) float64 {
	v := math.Expm1(ratio) + p.q
	if p.q == 1 {
		return ratio*p.z*p.z + 0.5
	}
	if !(v > 0) {
		return math.Inf(-1)
	}
	return p.z*p.z*math.Log(v/p.q) + 0.5
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
		return zero, zero*(p.q*math.Exp(a)-math.Expm1(a)) - p.q*math.Exp(a)*one
	}
	return (1-p.q)*zero + p.q*one, p.q*one - (math.Expm1(a)+p.q)*zero
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

// logMoment returns ln Σ mass·e^(μ·loss) of what is finite.
func (l loss) logMoment(mu float64) float64 {
	r, sum := math.Exp(mu*l.h), 0.0
	for i := len(l.mass) - 1; i >= 0; i-- {
		sum = sum*r + l.mass[i]
	}
	return math.Log(sum) + mu*float64(l.low)*l.h
}

// normalBetween is P(a < X < b) of a standard normal, from the tail that is smaller.
func normalBetween(a, b float64) float64 {
	if a > 0 {
		return (math.Erfc(a/math.Sqrt2) - math.Erfc(b/math.Sqrt2)) / 2
	}
	return (math.Erfc(-b/math.Sqrt2) - math.Erfc(-a/math.Sqrt2)) / 2
}

// SampledDelta returns the exact δ of one Gaussian of noise multiplier z on a Poisson sample of rate q at eps, the larger of adding
// and removing one member.
func SampledDelta(z, q, eps float64) (float64, error) {
	if err := first(checkNoise(z), checkRate(q), checkEpsilon(eps)); err != nil {
		return 0, err
	}
	if q == 0 {
		return 0, nil
	}
	_, removed := pair{z: z, q: q}.cell(eps, math.Inf(1))
	_, added := pair{z: z, q: q, add: true}.cell(eps, math.Inf(1))
	return max(removed, added, 0), nil
}

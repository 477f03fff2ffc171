package accountant

import "math"

// Law is the discrete Gaussian of parameter σ², P(x) ∝ exp(−x²/(2σ²)) (arXiv 2004.00010), in floats, to hold samples against.
type Law struct {
	twice, weight float64 // 2σ², Σ exp(−x²/2σ²)
	far           int     // beyond which nothing is left in float64
}

// DiscreteGaussian returns the law of parameter sigmaSq, 1 to 2^28.
func DiscreteGaussian(sigmaSq int) (Law, error) {
	if err := whole("sigma_sq", sigmaSq, 1, 1<<28); err != nil {
		return Law{}, err
	}
	l := Law{twice: 2 * float64(sigmaSq), far: 40 * int(math.Ceil(math.Sqrt(float64(sigmaSq))))}
	l.weight = 1 + 2*l.sum(1, func(float64) float64 { return 1 })
	return l, nil
}

// sum adds weights times f from x on, small ones first.
func (l Law) sum(x int, f func(float64) float64) float64 {
	var s float64
	for i := l.far; i >= x; i-- {
		v := float64(i)
		s += f(v) * math.Exp(-v*v/l.twice)
	}
	return s
}

// P returns the probability of x.
func (l Law) P(x int) float64 { return math.Exp(-float64(x)*float64(x)/l.twice) / l.weight }

// Variance is close to σ², and below it.
func (l Law) Variance() float64 {
	return 2 * l.sum(1, func(x float64) float64 { return x * x }) / l.weight
}

// Beyond returns the probability of more than x ≥ 0 in absolute value.
func (l Law) Beyond(x int) float64 {
	return 2 * l.sum(x+1, func(float64) float64 { return 1 }) / l.weight
}

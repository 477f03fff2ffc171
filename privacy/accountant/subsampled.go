package accountant

import "math"

// Subsampled is the curve of one Gaussian of noise multiplier z on a Poisson sample of rate q, neighbours adding or removing one
// member (Mironov, Talwar, Zhang, arXiv 1908.10530; design: privacy 7.3). It is exact at every order: a sum at whole ones, an
// integral between them. Conditional figures and simulation may use it, promises may not (design: privacy 9.3).
func Subsampled(z, q float64) (Curve, error) {
	if err := first(checkNoise(z), checkRate(q)); err != nil {
		return Curve{}, err
	}
	switch q {
	case 0:
		return Curve{"nothing is sampled", func(float64) float64 { return 0 }}, nil
	case 1:
		return Gaussian(z)
	}
	return Curve{"RDP of the Poisson-subsampled Gaussian, arXiv 1908.10530", func(alpha float64) float64 {
		excess := logExcessBetween
		if alpha == math.Trunc(alpha) {
			excess = logExcessWhole
		}
		// The moment A is 1 + e^excess: nothing is lost however small the excess.
		return softplus(excess(alpha, z, q)) / (alpha - 1)
	}}, nil
}

// logExcessWhole is ln(A − 1) for a whole α. The terms k = 0 and k = 1 of A carry no power of e and the binomial weights add
// to 1, so A − 1 = Σ_{k≥2} C(α,k)(1−q)^{α−k}q^k·(e^{k(k−1)/(2z²)} − 1), all positive.
func logExcessWhole(alpha, z, q float64) float64 {
	var sum logSum
	top, _ := math.Lgamma(alpha + 1)
	for k := 2.0; k <= alpha; k++ {
		under, _ := math.Lgamma(k + 1)
		rest, _ := math.Lgamma(alpha - k + 1)
		sum.add(top - under - rest + (alpha-k)*math.Log1p(-q) + k*math.Log(q) + logExpm1(k*(k-1)/(2*z*z)))
	}
	return sum.log()
}

// maxNodes bounds the work of one order.
const maxNodes = 1 << 20

// logExcessBetween is ln(A − 1) for any α. With u = q(L − 1), L the likelihood ratio under N(0, z²), E[u] = 0, so A − 1 =
// E[(1+u)^α − 1 − αu], which is not negative anywhere. The trapezoid rule over the whole line converges exponentially; the
// integrand is analytic in a strip of half-width πz around it (t in units of z), which the step respects.
func logExcessBetween(alpha, z, q float64) float64 {
	const reach = 40 // standard deviations beyond the outer peaks, at 0 and α/z
	step := min(0.25, z/2)
	nodes := (alpha/z + 2*reach) / step
	if nodes > maxNodes {
		return math.Inf(1)
	}
	var sum logSum
	for i := range int(nodes) + 1 {
		t := -reach + float64(i)*step
		sum.add(-t*t/2 + logConvex(alpha, q, t/z-1/(2*z*z)))
	}
	return sum.log() + math.Log(step) - math.Log(2*math.Pi)/2
}

// logConvex is ln((1+u)^α − 1 − αu) with u = q(e^x − 1).
func logConvex(alpha, q, x float64) float64 {
	u := q * math.Expm1(x)
	if math.Abs(alpha*u) < 0.05 { // the binomial series, where the closed form cancels
		term, sum := alpha*(alpha-1)/2*u*u, 0.0
		for k := 2.0; k < 40 && math.Abs(term) > 1e-18*sum; k++ {
			sum += term
			term *= u * (alpha - k) / (k + 1)
		}
		return math.Log(sum)
	}
	log := alpha * math.Log1p(u)
	if math.IsInf(u, 1) || x > 30 {
		log = alpha * (x + math.Log(q) + math.Log1p((1-q)/q*math.Exp(-x)))
	}
	if log > 100 { // 1 + αu is far below
		return log
	}
	return math.Log(math.Expm1(log) - alpha*u)
}

// logSum adds numbers given by their logarithms. The zero logSum is 0.
type logSum struct {
	top, sum float64 // the sum is e^top·sum
}

func (s *logSum) add(log float64) {
	switch {
	case math.IsInf(log, -1):
	case s.sum == 0:
		s.top, s.sum = log, 1
	case log <= s.top:
		s.sum += math.Exp(log - s.top)
	default:
		s.sum = s.sum*math.Exp(s.top-log) + 1
		s.top = log
	}
}

func (s *logSum) log() float64 {
	if s.sum == 0 {
		return math.Inf(-1)
	}
	return s.top + math.Log(s.sum)
}

// softplus is ln(1 + e^x).
func softplus(x float64) float64 {
	if x > 40 {
		return x
	}
	return math.Log1p(math.Exp(x))
}

// logExpm1 is ln(e^x − 1), x > 0.
func logExpm1(x float64) float64 {
	if x > 40 {
		return x
	}
	return math.Log(math.Expm1(x))
}

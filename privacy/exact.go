package privacy

import "math"

// GaussianDelta returns the least δ for which the continuous Gaussian mechanism of cost rho is (eps, δ)-differentially
// private (Balle, Wang, arXiv 1805.06530, theorem 8; design: privacy 7.6):
//
//	δ = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ), μ = √(2ρ).
//
// rho is positive. It is a check on Epsilon and says what the zCDP conversion costs; nothing published rests on it.
func GaussianDelta(rho, eps float64) float64 {
	mu := math.Sqrt(2 * rho)
	return math.Exp(logTail(eps/mu-mu/2)) - math.Exp(eps+logTail(mu/2+eps/mu))
}

// GaussianEpsilon returns the least ε ≥ 0 for which the continuous Gaussian mechanism of cost rho is (ε, delta)-differentially
// private, never above Epsilon. The same inputs are refused.
func GaussianEpsilon(rho, delta float64) (float64, error) {
	if err := checkBudget(rho, delta); err != nil {
		return 0, err
	}
	if rho == 0 || GaussianDelta(rho, 0) <= delta {
		return 0, nil
	}
	// δ falls as ε grows, and the loose form is always enough.
	low, high := 0.0, EpsilonLoose(rho, delta)
	for range maxHalvings {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			break
		}
		if GaussianDelta(rho, mid) > delta {
			low = mid
		} else {
			high = mid
		}
	}
	return high, nil
}

// logTail returns ln P(X > x) for a standard normal X.
func logTail(x float64) float64 {
	if x < 30 {
		return math.Log(math.Erfc(x/math.Sqrt2) / 2)
	}
	// Erfc underflows soon after; the series is exact to 10^−9 from here on.
	square := x * x
	return -square/2 - math.Log(x*math.Sqrt(2*math.Pi)) + math.Log1p(-1/square+3/(square*square))
}

package empirical

import "math"

// binomial is the law of the number of successes in n tries, each with probability p, by the logarithms of p and 1 − p: near 0
// and 1 a float64 holds those better than p itself.
type binomial struct {
	n           int
	logP, logNP float64
}

// logit returns the law whose log-odds are x: p = e^x/(1+e^x).
func logit(n int, x float64) binomial {
	return binomial{n: n, logP: -softplus(-x), logNP: -softplus(x)}
}

// softplus returns ln(1 + e^x) without overflow.
func softplus(x float64) float64 {
	if x > 0 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}

// logMass returns ln P[W = k], 0 ≤ k ≤ n.
func (b binomial) logMass(k int) float64 {
	return logChoose(b.n, k) + times(k, b.logP) + times(b.n-k, b.logNP)
}

// times returns k·x, and 0 for no factors at all, where x may be −∞.
func times(k int, x float64) float64 {
	if k == 0 {
		return 0
	}
	return float64(k) * x
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// logRange returns ln P[low ≤ W ≤ high], 0 ≤ low, high ≤ n; −∞ for an empty range. Terms are added by their logarithms, so a
// tail far below the least float64 keeps its digits.
func (b binomial) logRange(low, high int) float64 {
	sum := math.Inf(-1)
	for k := low; k <= high; k++ {
		sum = addLogs(sum, b.logMass(k))
	}
	return min(sum, 0)
}

// addLogs returns ln(e^a + e^b).
func addLogs(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// halvings narrows any bracket of this package to the last bit.
const halvings = 200

// rising returns the two ends of the narrowest bracket in [low, high] at which the rising condition turns from false to true.
func rising(low, high float64, reached func(x float64) bool) (below, above float64) {
	for range halvings {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			break
		}
		if reached(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return low, high
}

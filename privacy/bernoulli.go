package privacy

// maxFactor ends the loops below: the factorial of 60 is above 2^272, so no honest stream gets there, and 60·q stays
// below 2^64 for every q below 2^58.
const maxFactor = 60

// Bernoulli(exp(−p/q)) for p ≤ q (Canonne, Kamath, Steinke, arXiv 2004.00010, algorithm 1): for K = 1, 2, … draw
// Bernoulli(p/(qK)); at the first 0 the answer is whether K is odd. K passes k with probability (p/q)^k/k!, and the
// alternating sum of those is the series of the exponential.

// expFraction is Bernoulli(exp(−p/q)) for p ≤ q < 2^58.
func (s *source) expFraction(p, q uint64) bool {
	for k := uint64(1); k <= maxFactor; k++ {
		if s.below64(q*k) >= p {
			return k&1 == 1
		}
	}
	return false
}

// expSmallFraction is expFraction for q < 2^26.
func (s *source) expSmallFraction(p, q uint32) bool {
	for k := uint32(1); k <= maxFactor; k++ {
		if s.below32(q*k) >= p {
			return k&1 == 1
		}
	}
	return false
}

// expOne is Bernoulli(exp(−1)). Its first factor is 1 and needs no draw.
func (s *source) expOne() bool {
	for k := uint32(2); k <= maxFactor; k++ {
		if s.below32(k) != 0 {
			return k&1 == 1
		}
	}
	return false
}

// expRatio is Bernoulli(exp(−p/q)) for any p and q < 2^58: one factor exp(−1) for each whole q in p, then the rest. It
// ends at the first factor that fails, so a large p costs no more than a small one.
func (s *source) expRatio(p, q uint64) bool {
	for ; p > q; p -= q {
		if !s.expOne() {
			return false
		}
	}
	return s.expFraction(p, q)
}

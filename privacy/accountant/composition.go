package accountant

import (
	"errors"
	"math"
)

// ErrNone says that no ε exists for the δ asked for.
var ErrNone = errors.New("no ε exists for that δ")

// Compose returns the least ε, of those that the theorem names, for count runs of any (eps, delta) mechanism within totalDelta (Kairouz,
// Oh, Viswanath, arXiv 1311.0776, theorem 3.3): (k−2i)ε for the largest i with 1 − (1−δ)^k(1−δ_i) ≤ total δ,
//
//	δ_i = Σ_{l<i} C(k,l)(e^{(k−l)ε} − e^{(k−2i+l)ε})/(1+e^ε)^k.
//
// ErrNone where not even i = 0 fits.
func Compose(eps, delta float64, count int, totalDelta float64) (Figure, error) {
	if err := first(checkEpsilon(eps), within("delta", delta, 0, 1), whole("count", count, 1, 1_000_000), within("total_delta", totalDelta, 0, 1)); err != nil {
		return Figure{}, err
	}
	f := Figure{Delta: totalDelta, Formula: "optimal composition, arXiv 1311.0776"}
	// 1 − (1−δ)^k(1−δ_i) is lost + kept·δ_i, of which nothing is negative: compared as it stands, whatever is below the rounding of 1
	// would be nothing.
	logKept := float64(count) * math.Log1p(-delta)
	lost := -math.Expm1(logKept)
	if count == 1 {
		lost = delta
	}
	if !(lost <= totalDelta) {
		return f, ErrNone
	}
	room := math.Log(totalDelta - lost)
	runs := newLosses(eps, count)
	fits := func(i int) bool { return runs.logAt(i)+logKept <= room }
	low, high := 0, count/2+1 // δ_i grows with i, and δ_0 is 0
	for high-low > 1 {
		if mid := (low + high) / 2; fits(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	f.Epsilon = float64(count-2*low) * eps
	return f, nil
}

// losses are what δ_i are made of: ln C(k,l)·e^{(k−l)ε}/(1+e^ε)^k for l up to k/2.
type losses struct {
	eps, rounding float64
	weights       []float64
}

func newLosses(eps float64, count int) losses {
	k := float64(count)
	top, _ := math.Lgamma(k + 1)
	// The rounding of the terms, relative to a sum of them.
	r := losses{eps: eps, rounding: 1e-15 * (top + k*(min(eps, 1)+1)), weights: make([]float64, count/2)}
	for j := range r.weights {
		l := float64(j)
		under, _ := math.Lgamma(l + 1)
		rest, _ := math.Lgamma(k - l + 1)
		r.weights[j] = top - under - rest - l*eps - k*math.Log1p(math.Exp(-eps))
	}
	return r
}

// logAt is ln δ_i, which may be far below what a float holds, and above by what its terms were rounded by.
func (r losses) logAt(i int) float64 {
	var sum logSum
	for l, w := range r.weights[:i] {
		sum.add(w + math.Log(-math.Expm1(2*float64(l-i)*r.eps)))
	}
	return sum.log() + r.rounding + 1e-15*float64(i)*r.eps
}

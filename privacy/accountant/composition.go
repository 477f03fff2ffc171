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
	keep := math.Exp(float64(count) * math.Log1p(-delta))
	fits := func(i int) bool { return 1-keep*(1-lostAt(eps, count, i)) <= totalDelta }
	if !fits(0) {
		return f, ErrNone
	}
	low, high := 0, count/2+1 // δ_i grows with i; low fits
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

// lostAt is δ_i.
func lostAt(eps float64, count, i int) float64 {
	k, sum := float64(count), logSum{}
	top, _ := math.Lgamma(k + 1)
	for j := range i {
		l := float64(j)
		under, _ := math.Lgamma(l + 1)
		rest, _ := math.Lgamma(k - l + 1)
		sum.add(top - under - rest + (k-l)*eps - k*(eps+math.Log1p(math.Exp(-eps))) + math.Log(-math.Expm1(2*(l-float64(i))*eps)))
	}
	return math.Exp(sum.log())
}

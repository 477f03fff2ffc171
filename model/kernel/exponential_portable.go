package kernel

import "math"

// exp(x) = 2^n · exp(r) with n the whole number nearest x/ln 2 and |r| ≤ ln 2 / 2, where 1 + r + r²·P(r) is within 1e-8.
// P interpolates (exp(r) − 1 − r)/r² in the five Chebyshev points of that interval. ln 2 is split so that n times its
// upper part is exact. docs/decisions/0036.
const (
	expLowest  = -104 // rounds to 0
	expHighest = 89   // rounds to +Inf
	log2e      = 1.4426950408889634
	wholes     = 3 << 22 // added to a small value, leaves its nearest whole number in the low bits
	ln2Upper   = 0.693145751953125
	ln2Lower   = 1.428606765330187e-06

	expP0 = 0.5
	expP1 = 0.16666577756404877
	expP2 = 0.041666556149721146
	expP3 = 0.008363173343241215
	expP4 = 0.0013926175888627768
)

// portableExp1 is the exponential of one value. The power of two is applied in halves, so that results below the normal
// range, and those that overflow, are rounded once.
func portableExp1(x float32) float32 {
	if x != x {
		return x
	}
	x = min(max(x, expLowest), expHighest)
	shifted := x*log2e + wholes
	f := shifted - wholes
	n := int32(math.Float32bits(shifted)) - int32(math.Float32bits(wholes))
	r := (x - f*ln2Upper) - f*ln2Lower
	p := expP0 + r*(expP1+r*(expP2+r*(expP3+r*expP4)))
	y := 1 + (r + r*r*p)
	half := n >> 1
	return y * power(half) * power(n-half)
}

// power is 2^n for a normal result.
func power(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// portableGreatest is the largest value of x and top; NaNs are passed over.
func portableGreatest(x []float32, top float32) float32 {
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	return top
}

// portableExpSum replaces x by exp(x[i] − top) and returns the sum.
func portableExpSum(x []float32, top float32) float64 {
	var sum float64
	for i, v := range x {
		e := portableExp1(v - top)
		x[i] = e
		sum += float64(e)
	}
	return sum
}

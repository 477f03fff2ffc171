package privacy

import (
	"fmt"
	"math"
)

// clipMargin is taken off the bound so that the sum of squares, which is rounded at every step, cannot hide a norm above
// it: d rounded additions err by at most d·2^−53 of the sum, which is below this for d up to 2^22.
const clipMargin = 1.0 / (1 << 30)

// Clip scales update in place so that its L2 norm is at most c, and returns the norm it had before (design: privacy 4,
// steps 1 and 2). A vector already within the bound stays as it is. The result's exact norm is at most c for up to 2^22
// coordinates and within a relative 10^−9 of that beyond. NaN, infinities and a bound that is not a positive finite number
// are refused, and update is then untouched.
func Clip(update []float32, c float32) (norm float64, err error) {
	bound := float64(c)
	if !(bound > 0) || math.IsInf(bound, 1) {
		return 0, fmt.Errorf("clip update: bound %v is not a positive finite number", c)
	}
	// A float64 holds the square of every float32, denormals included, and the sum of 2^127 of the largest.
	var sum float64
	for i, x := range update {
		v := float64(x)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("clip update: coordinate %d is %v", i, x)
		}
		sum += v * v
	}
	norm = math.Sqrt(sum)
	limit := bound * (1 - clipMargin)
	if norm <= limit {
		return norm, nil
	}
	scale := limit / norm
	for i, x := range update {
		update[i] = towardsZero(float64(x) * scale)
	}
	return norm, nil
}

// towardsZero returns the float32 nearest to v whose magnitude is not above v's, so that rounding never adds to a norm.
func towardsZero(v float64) float32 {
	f := float32(v)
	if math.Abs(float64(f)) > math.Abs(v) {
		// One step down in magnitude; f is not zero here, so the sign bit is left alone.
		f = math.Float32frombits(math.Float32bits(f) - 1)
	}
	return f
}

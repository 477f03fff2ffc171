package privacy

import (
	"errors"
	"fmt"
	"math"
)

// clipMargin is taken off the bound so that the sum of squares, which is rounded at every step, cannot hide a norm above
// it: d rounded additions err by at most d·2^−53 of the sum, which is below this for d up to 2^22.
const clipMargin = 1.0 / (1 << 30)

// Clip scales update in place so that its L2 norm is at most c, and returns the norm it had before (privacy 4,
// steps 1 and 2). A vector already within the bound stays as it is. The result's exact norm is at most c for up to 2^22
// coordinates and within a relative 10^−9 of that beyond. NaN, infinities and a bound that is not a positive finite number
// are refused, and update is then untouched.
func Clip(update []float32, c float32) (norm float64, err error) {
	k, err := NewClipper(c)
	if err == nil {
		err = k.Measure(update)
	}
	if err != nil {
		return 0, err
	}
	k.Scale(update)
	return k.Norm(), nil
}

// Clipper is Clip for a vector that comes in blocks: Measure takes every block once, in order; then Scale takes any block,
// as often as it comes. Together they give Clip's bits.
type Clipper struct {
	limit float64
	sum   float64 // of squares
	n     int     // coordinates measured
}

var errUnmeasured = errors.New("clip update: a block before this one was refused")

// NewClipper makes a Clipper to norm c, a positive finite number.
func NewClipper(c float32) (*Clipper, error) {
	bound := float64(c)
	if !(bound > 0) || math.IsInf(bound, 1) {
		return nil, fmt.Errorf("clip update: bound %v is not a positive finite number", c)
	}
	return &Clipper{limit: bound * (1 - clipMargin)}, nil
}

// Measure adds a block to the norm. It refuses NaN and infinities, and the Clipper is of no use after that.
func (k *Clipper) Measure(block []float32) error {
	// A float64 holds the square of every float32, denormals included, and the sum of 2^127 of the largest: the sum is a number
	// as long as every value is one.
	sum := k.sum
	for _, x := range block {
		v := float64(x)
		sum += v * v
	}
	k.sum = sum
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		for i, x := range block {
			if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("clip update: coordinate %d is %v", k.n+i, x)
			}
		}
		return errUnmeasured
	}
	k.n += len(block)
	return nil
}

// Norm is the L2 norm of what was measured.
func (k *Clipper) Norm() float64 { return math.Sqrt(k.sum) }

// Within reports whether Scale leaves everything as it is: the norm was within the bound before.
func (k *Clipper) Within() bool { return k.Norm() <= k.limit }

// Scale clips a block in place, by the norm of all that was measured.
func (k *Clipper) Scale(block []float32) {
	if k.Within() {
		return
	}
	scale := k.limit / k.Norm()
	for i, x := range block {
		block[i] = towardsZero(float64(x) * scale)
	}
}

// towardsZero returns the float32 nearest to v whose magnitude is not above v's, so that rounding never adds to a norm.
func towardsZero(v float64) float32 {
	// A float64 has 29 bits of fraction more than a float32. Without them it is one, unless it is among the smallest, which have
	// fewer. Half of all values would round up, with no pattern that a branch could follow.
	if math.Abs(v) >= 0x1p-126 {
		return float32(math.Float64frombits(math.Float64bits(v) &^ (1<<29 - 1)))
	}
	f := float32(v)
	if math.Abs(float64(f)) > math.Abs(v) {
		// One step down in magnitude; f is not zero here, so the sign bit is left alone.
		f = math.Float32frombits(math.Float32bits(f) - 1)
	}
	return f
}

package privacy

import (
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/internal/lanes"
)

// A vector counts as within its bound c up to (1 − clipMargin)·c, and one beyond is scaled to (1 − scaleMargin)·c. Measuring errs by at
// most d·2^−57 of the norm (d/16 rounded additions a lane), the factor by 2^−24, each product by 2^−24: so what was scaled is within, and
// what is within has an exact norm of at most c, also for the largest d there is, 2^28. A norm scaled to the grid with s keeps within R
// for the same reason (aggregation.Grid).
const (
	clipMargin  = 1.0 / (1 << 22)
	scaleMargin = 1.0 / (1 << 21)
)

// LeastClip and MostClip bound the norm to which updates are clipped: far from where products of float32 lose bits.
const (
	LeastClip = 0x1p-64
	MostClip  = 0x1p64
)

// Clip scales update in place so that its L2 norm is at most c, and returns the norm it had before (privacy 3, steps 1 and 2). A vector
// already within the bound stays as it is. NaN, infinities and a bound that is not LeastClip to MostClip are refused, and update is
// then untouched.
func Clip(update []float32, c float32) (norm float64, err error) {
	if err := checkBound(c); err != nil {
		return 0, err
	}
	k := Clipper{bound: float64(c)}
	if err := k.Measure(update); err != nil {
		return 0, err
	}
	k.Scale(update)
	return k.Norm(), nil
}

// Clipper is Clip for a vector that comes in blocks: Measure takes every block once, in order; then Scale takes any block,
// as often as it comes. Together they give Clip's bits, however the vector is cut.
type Clipper struct {
	bound float64
	sums  lanes.Lanes // of squares
	n     int         // coordinates measured
	norm  float64     // of those
}

var errUnmeasured = errors.New("clip update: a block before this one was refused")

// NewClipper makes a Clipper to norm c, LeastClip to MostClip.
func NewClipper(c float32) (*Clipper, error) {
	if err := checkBound(c); err != nil {
		return nil, err
	}
	return &Clipper{bound: float64(c)}, nil
}

func checkBound(c float32) error {
	if !(c >= LeastClip && c <= MostClip) {
		return fmt.Errorf("clip update: bound %v, want a number from 2^-64 to 2^64", c)
	}
	return nil
}

// Measure adds a block to the norm. It refuses NaN and infinities, and the Clipper is of no use after that.
func (k *Clipper) Measure(block []float32) error {
	// A float64 holds the square of every float32, denormals included, and the sum of 2^127 of the largest: the sum is a number
	// as long as every value is one.
	lanes.AddSquares(&k.sums, block, k.n)
	sum := k.sums.Total()
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		for i, x := range block {
			if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("clip update: coordinate %d is %v", k.n+i, x)
			}
		}
		return errUnmeasured
	}
	k.n += len(block)
	k.norm = math.Sqrt(sum)
	return nil
}

// Norm is the L2 norm of what was measured: of 16 sums of squares, coordinate i in that of i mod 16, added in a fixed order.
func (k *Clipper) Norm() float64 { return k.norm }

// Within reports whether Scale leaves everything as it is: the norm was within the bound before.
func (k *Clipper) Within() bool { return k.norm <= k.bound*(1-clipMargin) }

// Scale clips a block in place, by the norm of all that was measured: every value times one factor of 24 bits, rounded to the nearest float32.
func (k *Clipper) Scale(block []float32) {
	if k.Within() {
		return
	}
	factor := k.bound * (1 - scaleMargin) / k.norm
	if factor >= 0x1p-126 {
		lanes.Scale(block, float32(factor))
		return
	}
	for i, x := range block { // of a norm beyond 2^62: no float32 holds the factor
		block[i] = float32(float64(x) * factor)
	}
}

package aggregation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/bits"
)

// Grid maps clipped float vectors to integers: a vector of L2 norm at most C becomes D integers whose squares sum to at most
// CInt², exactly. That bound, and not the rounding, carries the privacy promise (design: privacy 4).
type Grid struct {
	C    float32 // clip: greatest L2 norm of an update
	CInt uint32  // greatest L2 norm of the integer vector
	XMax uint32  // greatest magnitude of one integer; CInt for 32-bit words
	D    int     // words of a vector
}

// MaxWords bounds D: 2^28 words, 1 GiB a vector.
const MaxWords = 1 << 28

// wordBits is the size of the ring's words, the only one of this suite.
const wordBits = 32

// ErrQuantise means that no rounding within the tries kept the integer norm within CInt: the update was not clipped to C.
// Such a vector must not be uploaded.
var ErrQuantise = errors.New("integer vector exceeds its bound: clip the update first")

// Validate checks the limits of design: privacy 4.2 for n devices and total noise variance sigmaTotSq (grid units squared):
// CInt at least 8√D, XMax equal to CInt, and n·XMax + 6⌈σ_tot⌉ below 2^31, so that the true sum does not wrap.
func (g Grid) Validate(n int, sigmaTotSq uint64) error {
	if _, err := g.R(); err != nil {
		return err
	}
	switch cc := uint64(g.CInt) * uint64(g.CInt); {
	case n < 1 || n > MaxDevices:
		return fmt.Errorf("check grid: %d devices, want 1 to %d", n, MaxDevices)
	case cc < 64*uint64(g.D):
		return fmt.Errorf("check grid: C_int is %d, below 8√d for d = %d words: rounding would eat the update; raise C_int", g.CInt, g.D)
	case g.XMax != g.CInt:
		return fmt.Errorf("check grid: x_max is %d, want C_int = %d for 32-bit words", g.XMax, g.CInt)
	}
	if reach := uint64(n)*uint64(g.XMax) + 6*ceilSqrt(sigmaTotSq); reach >= 1<<(wordBits-1) {
		return fmt.Errorf("check grid: the sum of %d devices may reach %d, beyond the ring's 2^31: lower C_int (%d) or the noise (σ² = %d)",
			n, reach, g.CInt, sigmaTotSq)
	}
	return nil
}

func ceilSqrt(v uint64) uint64 {
	r := new(big.Int).SetUint64(v)
	root := r.Sqrt(r).Uint64()
	if root*root < v {
		root++
	}
	return root
}

// R is the norm to which a vector of norm C is scaled before rounding, in grid units: less than CInt by what rounding may
// add, except with chance β = 2^−20. R² = CInt² − d/4 − √(2 ln(1/β))·(CInt + √d/2) (design: privacy 4, step 2).
func (g Grid) R() (float64, error) {
	switch c := float64(g.C); {
	case !(c > 0) || math.IsInf(c, 0):
		return 0, fmt.Errorf("check grid: clip C is %v, want a positive finite number", g.C)
	case g.D < 1 || g.D > MaxWords:
		return 0, fmt.Errorf("check grid: d is %d words, want 1 to %d", g.D, MaxWords)
	case g.XMax < 1 || g.XMax > math.MaxInt32:
		return 0, fmt.Errorf("check grid: x_max is %d, want 1 to %d", g.XMax, math.MaxInt32)
	}
	c, d := float64(g.CInt), float64(g.D)
	slack := math.Sqrt(2 * 20 * math.Ln2)
	rr := c*c - d/4 - slack*(c+math.Sqrt(d)/2)
	if !(rr > 0) {
		return 0, fmt.Errorf("check grid: C_int = %d leaves nothing for d = %d words after rounding: raise C_int to at least 8√d", g.CInt, g.D)
	}
	return math.Sqrt(rr), nil
}

// Scale is s = R/C, grid units per unit of update; 0 for a grid that Validate refuses.
func (g Grid) Scale() float64 {
	r, err := g.R()
	if err != nil {
		return 0
	}
	return r / float64(g.C)
}

// redraws is how often a rounding that exceeds the bound is drawn again before the vector is truncated towards zero.
const redraws = 8

// Quantise rounds s·clipped at random to integers: up with the chance of the fraction, so that the mean is unbiased, and
// never beyond ±XMax. The squares of what it returns sum to at most CInt², checked in integers. A rounding that exceeds it is
// drawn again at most 8 times, then truncated; if that exceeds it too the answer is ErrQuantise. The promise does not rest
// on the quality of coins. NaN and Inf are refused.
func (g Grid) Quantise(clipped []float32, coins io.Reader) ([]int32, error) {
	r, err := g.R()
	if err != nil {
		return nil, fmt.Errorf("quantise: %w", err)
	}
	if len(clipped) != g.D {
		return nil, fmt.Errorf("quantise: update has %d words, want %d", len(clipped), g.D)
	}
	for i, v := range clipped {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("quantise: word %d of the update is %v; refuse the update", i, v)
		}
	}
	s := r / float64(g.C)
	x := make([]int32, g.D)
	for range 1 + redraws {
		if err := g.round(x, clipped, s, coins); err != nil {
			return nil, fmt.Errorf("quantise: %w", err)
		}
		if g.within(x) {
			return x, nil
		}
	}
	for i, v := range clipped {
		x[i] = int32(g.clamp(math.Trunc(s * float64(v))))
	}
	if !g.within(x) {
		clear(x)
		return nil, fmt.Errorf("quantise: %w", ErrQuantise)
	}
	return x, nil
}

func (g Grid) clamp(v float64) float64 {
	m := float64(g.XMax)
	return min(max(v, -m), m)
}

// round draws one rounding of s·clipped into x: 53 bits of coins a word.
func (g Grid) round(x []int32, clipped []float32, s float64, coins io.Reader) error {
	var buf [4096]byte
	defer clear(buf[:])
	for at := 0; at < len(x); {
		m := min(len(x)-at, len(buf)/8)
		if _, err := io.ReadFull(coins, buf[:8*m]); err != nil {
			return fmt.Errorf("read coins: %w", err)
		}
		for i := range m {
			v := s * float64(clipped[at+i])
			floor := math.Floor(v)
			if float64(binary.LittleEndian.Uint64(buf[8*i:])>>11)*0x1p-53 < v-floor {
				floor++
			}
			x[at+i] = int32(g.clamp(floor))
		}
		at += m
	}
	return nil
}

// within reports whether Σx² ≤ CInt², exactly. It stops as soon as the sum exceeds the bound, so that 64 bits suffice.
func (g Grid) within(x []int32) bool {
	limit := uint64(g.CInt) * uint64(g.CInt)
	var sum uint64
	for _, v := range x {
		next, carry := bits.Add64(sum, uint64(int64(v)*int64(v)), 0)
		if carry != 0 || next > limit {
			return false
		}
		sum = next
	}
	return true
}

// Mean decodes a sum over survivors devices to the mean update: sum/(s·survivors), in units of C. It panics on a grid that
// Validate refuses or on no survivors: both are bugs by the time there is a sum.
func (g Grid) Mean(sum []int32, survivors int) []float32 {
	unit := g.Scale() * float64(survivors)
	if !(unit > 0) {
		panic(fmt.Sprintf("aggregation: mean over %d survivors on grid %+v", survivors, g))
	}
	out := make([]float32, len(sum))
	for i, v := range sum {
		out[i] = float32(float64(v) / unit)
	}
	return out
}

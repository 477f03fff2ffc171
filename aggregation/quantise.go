package aggregation

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// Grid maps clipped float vectors to integers: a vector of L2 norm at most C becomes D integers whose squares sum to at most
// CInt², exactly. That bound, and not the rounding, carries the privacy promise (privacy 4).
type Grid struct {
	C    float32 // clip: greatest L2 norm of an update
	CInt uint32  // greatest L2 norm of the integer vector
	XMax uint32  // greatest magnitude of one integer; CInt for 32-bit words
	D    int     // words of a vector

	WordBits uint16 // bits of a word of the ring: 32, or packed 24 or 16
}

// MaxWords bounds D: 2^28 words, 1 GiB a vector.
const MaxWords = 1 << 28

// ErrQuantise means that no rounding within the tries kept the integer norm within CInt: the update was not clipped to C.
// Such a vector must not be uploaded.
var ErrQuantise = errors.New("integer vector exceeds its bound: clip the update first")

// Validate checks the limits of privacy 4.2 for n devices and total noise variance sigmaTotSq (grid units squared), and that
// the true sum does not wrap: n·XMax + 6⌈σ_tot⌉ below 2^(w−1) (secure aggregation 6.2, 6.5). In 32-bit words XMax is CInt
// and CInt at least 8√D; packed words allow a coarser grid, CInt at least √D, and a smaller XMax.
func (g Grid) Validate(n int, sigmaTotSq uint64) error {
	if err := (Shape{D: g.D, WordBits: g.WordBits, PRG: PRGAES128}).Validate(); err != nil {
		return fmt.Errorf("check grid: %w", err)
	}
	if _, err := g.R(); err != nil {
		return err
	}
	if n < 1 || n > MaxDevices {
		return fmt.Errorf("check grid: %d devices, want 1 to %d", n, MaxDevices)
	}
	if err := g.coarse(); err != nil {
		return err
	}
	return CheckWord(n, g.XMax, sigmaTotSq, g.WordBits)
}

// CheckWord checks that the sum of one word of n devices does not wrap, when each is at most most in magnitude and the noise of the sum has
// variance sigmaSq: n·most + 6⌈σ⌉ below 2^(w−1) (secure aggregation 6.2). n is at most MaxDevices, wordBits 16, 24 or 32.
func CheckWord(n int, most uint32, sigmaSq uint64, wordBits uint16) error {
	if reach := uint64(n)*uint64(most) + 6*ceilSqrt(sigmaSq); reach >= 1<<(wordBits-1) {
		return fmt.Errorf("check grid: the sum of %d devices may reach %d, beyond the ring's 2^%d: lower x_max (%d) or the noise (σ² = %d)",
			n, reach, wordBits-1, most, sigmaSq)
	}
	return nil
}

// coarse refuses a grid too coarse for its words.
func (g Grid) coarse() error {
	cc, d := uint64(g.CInt)*uint64(g.CInt), uint64(g.D)
	switch {
	case g.WordBits == 32 && cc < 64*d:
		return fmt.Errorf("check grid: C_int is %d, below 8√d for d = %d words: rounding would eat the update; raise C_int", g.CInt, g.D)
	case g.WordBits == 32 && g.XMax != g.CInt:
		return fmt.Errorf("check grid: x_max is %d, want C_int = %d for 32-bit words", g.XMax, g.CInt)
	case cc < d:
		return fmt.Errorf("check grid: C_int is %d, below √d for d = %d words: rounding would eat the update; raise C_int", g.CInt, g.D)
	case g.XMax > g.CInt:
		return fmt.Errorf("check grid: x_max is %d, above C_int = %d, which no coordinate can exceed", g.XMax, g.CInt)
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
// add, except with chance β = 2^−20. R² = CInt² − d/4 − √(2 ln(1/β))·(CInt + √d/2) (privacy 3, step 3).
func (g Grid) R() (float64, error) {
	switch c := float64(g.C); {
	case !(c >= 0x1p-64 && c <= 0x1p64): // the scale and its products are then normal float32
		return 0, fmt.Errorf("check grid: clip C is %v, want a number from 2^-64 to 2^64", g.C)
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

// scale is Scale as the float32 that it is.
func (g Grid) scale() (float32, error) {
	r, err := g.R()
	if err != nil {
		return 0, err
	}
	s := float32(r / float64(g.C))
	if float64(s) > r/float64(g.C) {
		s = math.Nextafter32(s, 0)
	}
	return s, nil
}

// Scale is s = R/C cut to a float32, grid units per unit of update; 0 for a grid that Validate refuses.
func (g Grid) Scale() float64 {
	s, err := g.scale()
	if err != nil {
		return 0
	}
	return float64(s)
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

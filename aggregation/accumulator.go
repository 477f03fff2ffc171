package aggregation

import (
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/aggregation/ring"
)

// Accumulator sums the vectors of a round mod 2^w, w bits being those of its shape's words. All backends give the same bits;
// aggtest holds the suite that says so. It is for one goroutine.
type Accumulator interface {
	// AddVector adds a vector as it came from the wire: d little-endian words. On an error the sum is unchanged.
	AddVector(y []byte) error
	// AddMasks adds the masks of all terms, each by its sign. On an error the sum must not be used.
	AddMasks(terms []Term) error
	// Sum gives a copy of the sum so far: d words below 2^w.
	Sum() []uint32
}

// CPUAccumulator is the Accumulator that every machine has. Its memory is one vector of 32-bit words, however many are added.
type CPUAccumulator struct {
	shape Shape
	level ring.Level
	sum   []uint32 // mod 2^32, cut to w bits when it is asked for
}

// NewAccumulator makes an empty sum. A shape that Validate refuses is a bug and panics.
func NewAccumulator(s Shape) *CPUAccumulator {
	return newAccumulator(ring.Best(), s)
}

// newAccumulator is NewAccumulator at a level; tests hold every one to the same bits.
func newAccumulator(l ring.Level, s Shape) *CPUAccumulator {
	if err := s.Validate(); err != nil {
		panic("aggregation: " + err.Error())
	}
	return &CPUAccumulator{shape: s, level: l, sum: make([]uint32, s.D)}
}

// AddVector adds a vector as it came from the wire: d little-endian words.
func (a *CPUAccumulator) AddVector(y []byte) error {
	if err := foldWords(a.level, a.sum, y, a.shape.WordBits, false); err != nil {
		return fmt.Errorf("add vector: %w", err)
	}
	return nil
}

// AddMasks adds the masks of all terms on all cores. It does not fail.
func (a *CPUAccumulator) AddMasks(terms []Term) error {
	expandAndAdd(a.level, Suite{PRG: a.shape.PRG, WordBits: a.shape.WordBits}, a.sum, 0, terms)
	return nil
}

// Sum gives a copy of the sum so far.
func (a *CPUAccumulator) Sum() []uint32 {
	out := slices.Clone(a.sum)
	if w := a.shape.WordBits; w < 32 {
		for i := range out {
			out[i] &= 1<<w - 1
		}
	}
	return out
}

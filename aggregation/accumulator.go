package aggregation

import (
	"fmt"
	"slices"
)

// Accumulator sums the vectors of a round mod 2^32. All backends give the same bits; aggtest holds the suite that says so. It
// is for one goroutine.
type Accumulator interface {
	// AddVector adds a vector as it came from the wire: 4·d bytes, little-endian words. On an error the sum is unchanged.
	AddVector(y []byte) error
	// AddMasks adds the masks of all terms, each by its sign. On an error the sum must not be used.
	AddMasks(terms []Term) error
	// Sum gives a copy of the sum so far, d words.
	Sum() []uint32
}

// CPUAccumulator is the Accumulator that every machine has. Its memory is one vector, however many are added.
type CPUAccumulator struct{ sum []uint32 }

// NewAccumulator makes an empty sum of d words. A negative d is a bug and panics.
func NewAccumulator(d int) *CPUAccumulator { return &CPUAccumulator{sum: make([]uint32, d)} }

// AddVector adds a vector as it came from the wire: 4·d bytes, little-endian words.
func (a *CPUAccumulator) AddVector(y []byte) error {
	if err := AddWords(a.sum, y); err != nil {
		return fmt.Errorf("add vector: %w", err)
	}
	return nil
}

// AddMasks adds the masks of all terms on all cores. It does not fail.
func (a *CPUAccumulator) AddMasks(terms []Term) error {
	expandAndAdd(a.sum, terms)
	return nil
}

// Sum gives a copy of the sum so far.
func (a *CPUAccumulator) Sum() []uint32 { return slices.Clone(a.sum) }

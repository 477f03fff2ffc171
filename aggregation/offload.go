package aggregation

import "fmt"

// Expander makes masks elsewhere than on the cores of this machine, such as on a GPU. It is another's: this package knows none.
type Expander interface {
	// Expand gives the sum of the masks of all terms mod 2^32, each by its sign: d words that are the caller's. Those of fewer than
	// 32 bits are added as they are, and not cut. It keeps nothing of the terms, and changes nothing of them. On an error there is no
	// sum; no error is final.
	Expand(shape Shape, terms []Term) ([]uint32, error)
}

// Offload says which masks go to an Expander, and who hears when it fails.
type Offload struct {
	Expander Expander
	// Least is how many bytes of keystream a call must be worth; less is made on the CPU, which has it before the other has begun.
	Least int64
	// Failed is told, once a sum, why the CPU expands its masks after all. It may be nil.
	Failed func(error)
}

// OffloadAccumulator is an Accumulator that folds vectors as CPUAccumulator does, and has masks expanded by another. When that fails the
// CPU expands the same masks, and all that follow: its sum is touched by whole results alone, so that no round is lost.
type OffloadAccumulator struct {
	*CPUAccumulator
	offload Offload
	failed  bool
}

// NewOffloadAccumulator makes an empty sum. A shape that Validate refuses, or no Expander, is a bug and panics.
func NewOffloadAccumulator(s Shape, o Offload) *OffloadAccumulator {
	if o.Expander == nil {
		panic("aggregation: masks are to be offloaded to nobody")
	}
	return &OffloadAccumulator{CPUAccumulator: NewAccumulator(s), offload: o}
}

// AddMasks adds the masks of all terms, by the Expander where they are worth it and by the CPU otherwise. It does not fail.
func (a *OffloadAccumulator) AddMasks(terms []Term) error {
	if a.failed || len(terms) == 0 || int64(len(terms))*int64(a.shape.Bytes()) < a.offload.Least {
		return a.CPUAccumulator.AddMasks(terms)
	}
	sum, err := a.offload.Expander.Expand(a.shape, terms)
	if err == nil && len(sum) != a.shape.D {
		err = fmt.Errorf("its sum has %d words, want %d", len(sum), a.shape.D)
	}
	if err == nil {
		Add(a.sum, sum)
		return nil
	}
	a.failed = true
	if a.offload.Failed != nil {
		a.offload.Failed(fmt.Errorf("expand %d masks of %d words: %w; the CPU expands them, and the rest of this sum", len(terms), a.shape.D, err))
	}
	return a.CPUAccumulator.AddMasks(terms)
}

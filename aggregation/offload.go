package aggregation

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/internal/par"
)

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
//
// A result that came without an error may be wrong all the same. So the CPU makes one block of 1,024 words of each again, of all terms, and
// a word that differs counts as a failure. That finds what goes wrong for a term or for a device: a term left out, taken twice or of the
// wrong sign, a kernel that is not compiled right, keys that did not arrive. It does not find what goes wrong in a few words elsewhere, such
// as one flipped bit of memory: of a sum of n blocks, errors in k of them are found with probability k/n.
type OffloadAccumulator struct {
	*CPUAccumulator
	offload Offload
	failed  bool
	calls   uint64 // of the Expander
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
	if err == nil {
		err = a.check(sum, terms)
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

// check holds the length of another's sum against the shape's, and one block of it against the CPU's.
func (a *OffloadAccumulator) check(sum []uint32, terms []Term) error {
	if len(sum) != a.shape.D {
		return fmt.Errorf("its sum has %d words, want %d", len(sum), a.shape.D)
	}
	if len(sum) == 0 {
		return nil
	}
	from := a.sample(terms[0].Key)
	block := sum[from:min(from+alignWords, len(sum))]
	if !slices.Equal(block, a.again(terms, from, len(block))) {
		return fmt.Errorf("its sum is wrong between word %d and word %d: it computes wrong without an error", from, from+len(block)-1)
	}
	return nil
}

// sample is where the block begins that is made again: one of all that the vector has, the last, shorter one included. The hash of a
// term's key and the number of the call choose it. Keys are uniform and used once, so that no block is always, or never, looked at, and
// nothing need be drawn here.
func (a *OffloadAccumulator) sample(key [32]byte) int {
	a.calls++
	h := hash("sampled block", key[:], binary.LittleEndian.AppendUint64(nil, a.calls))
	blocks := (a.shape.D + alignWords - 1) / alignWords
	return int(binary.LittleEndian.Uint64(h[:]) % uint64(blocks) * alignWords)
}

// again makes words of the masks' sum on all cores, which take a part of the terms each: a block is too short to be cut.
func (a *OffloadAccumulator) again(terms []Term, from, words int) []uint32 {
	width := min(par.Width(), (len(terms)+batchTerms-1)/batchTerms)
	sums := make([][]uint32, width)
	par.Do(width, func(i int) {
		sums[i] = make([]uint32, words)
		part := terms[len(terms)*i/width : len(terms)*(i+1)/width]
		expandAndAdd(a.level, Suite{PRG: a.shape.PRG, WordBits: a.shape.WordBits}, sums[i], from, part)
	})
	for _, sum := range sums[1:] {
		Add(sums[0], sum)
	}
	return sums[0]
}

package masks

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
)

// errWrong is a device that gives another sum than the CPU, and no error. It is final: what computes wrong once is not asked again.
var errWrong = errors.New("the device computes wrong")

// What a kernel is held against the CPU with: more keys than a warp takes at a time, and words of several tiles, the last one short.
const (
	heldTerms = longestRun + 1
	heldWords = 3001
)

// holdAgainstCPU has add make a small sum of a suite, of known keys and both signs, and compares all of it with aggregation's own.
func holdAgainstCPU(s aggregation.Shape, add func([]uint32, aggregation.Shape, []aggregation.Term) error) error {
	s.D = heldWords
	terms := make([]aggregation.Term, heldTerms)
	for i := range terms {
		terms[i] = aggregation.Term{Key: sha256.Sum256(binary.LittleEndian.AppendUint32(nil, uint32(i))), Negative: i%3 == 1}
	}
	got, cpu := make([]uint32, s.D), aggregation.NewAccumulator(s)
	if err := errors.Join(add(got, s, terms), cpu.AddMasks(terms)); err != nil {
		return fmt.Errorf("hold the kernel against the CPU: %w", err)
	}
	for i, want := range cpu.Sum() {
		if word := got[i] & uint32(1<<s.WordBits-1); word != want {
			return fmt.Errorf("%w: word %d of %d masks, for a trial, is %08x, want %08x", errWrong, i, len(terms), word, want)
		}
	}
	return nil
}

package participant

import (
	"fmt"
	"io"

	"github.com/cinesync/cinesync/aggregation"
)

// Vector is an update that can be read in blocks, any number of times: whoever made it may keep it on a disk.
type Vector interface {
	Len() int
	// ReadFloats fills block with the values from an index on.
	ReadFloats(block []float32, from int) error
	// Erase forgets the values.
	Erase()
}

// Floats is an update in memory.
type Floats []float32

// Len is the number of values.
func (f Floats) Len() int { return len(f) }

// ReadFloats copies values.
func (f Floats) ReadFloats(block []float32, from int) error {
	copy(block, f[from:])
	return nil
}

// Erase zeroes the values.
func (f Floats) Erase() { clear(f) }

// blockWords is how much of a vector is in memory at a time: 256 KiB of words. The masks' expansion wants a multiple of 1024.
const blockWords = 64 << 10

// wordSize is that of words between the steps, in bytes; what is sent has the round's own.
const wordSize = 4

// measureWords is how much of an update is measured at a time: 32 KiB stay in the first-level cache.
const measureWords = 8 << 10

// blocks goes through d words in order, so many at a time.
func blocks(d, words int, do func(from, to int) error) error {
	for from := 0; from < d; from += words {
		if err := do(from, min(d, from+words)); err != nil {
			return err
		}
	}
	return nil
}

// readWords reads the words of one block.
func readWords(r io.Reader, words []uint32) error {
	return aggregation.Fill(words, func(b []byte) error {
		_, err := r.Read(b)
		return err
	})
}

// Noised is where the quantised update with its noise lies, before its mask.
type Noised struct {
	name  string
	words int
}

// Read gives the whole vector. It is for whoever owns both ends and compares them.
func (n Noised) Read(s Scratch) ([]uint32, error) {
	out := make([]uint32, n.words)
	err := blocks(n.words, blockWords, func(from, to int) error {
		return aggregation.Fill(out[from:to], func(b []byte) error {
			if err := s.Read(n.name, wordSize*int64(from), b); err != nil {
				return fmt.Errorf("read the %s vector: %w", n.name, err)
			}
			return nil
		})
	})
	return out, err
}

package privacy

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// sourceBytes is how much of the random stream is taken at a time: enough that one call costs little per word.
const sourceBytes = 4096

// source cuts a random stream into words. A failed read sticks in err and yields zeros from then on; whoever loops until
// a draw succeeds looks at err, and nobody uses a value drawn after it was set.
type source struct {
	random io.Reader
	err    error
	next   int // first unused byte of buf
	buf    [sourceBytes]byte
}

func (s *source) refill() {
	s.next = 0
	if s.err == nil {
		_, s.err = io.ReadFull(s.random, s.buf[:])
	}
	if s.err != nil {
		clear(s.buf[:])
	}
}

// erase forgets what was read and not used.
func (s *source) erase() {
	clear(s.buf[:])
	s.next = sourceBytes
}

func (s *source) word32() uint32 {
	if s.next > sourceBytes-4 {
		s.refill()
	}
	w := binary.LittleEndian.Uint32(s.buf[s.next:])
	s.next += 4
	return w
}

func (s *source) word64() uint64 {
	low := uint64(s.word32())
	return uint64(s.word32())<<32 | low
}

// below64 returns a uniform integer below m, m ≥ 1: the high word of a 128-bit product, with the few products rejected
// that would make some results likelier (Lemire, arXiv 1805.10941).
func (s *source) below64(m uint64) uint64 {
	high, low := bits.Mul64(s.word64(), m)
	if low < m {
		floor := -m % m
		for tries := 0; low < floor && s.mayRetry(tries); tries++ {
			high, low = bits.Mul64(s.word64(), m)
		}
	}
	return high
}

// below32 is below64 with half the words, for the small bounds that nearly all draws have.
func (s *source) below32(m uint32) uint32 {
	product := uint64(s.word32()) * uint64(m)
	if uint32(product) < m {
		floor := -m % m
		for tries := 0; uint32(product) < floor && s.mayRetry(tries); tries++ {
			product = uint64(s.word32()) * uint64(m)
		}
	}
	return uint32(product >> 32)
}

// mayRetry says whether a rejected word is followed by another. Fewer than half of all words are rejected, whatever m, so
// an honest stream never reaches the limit; one that repeats itself would be asked for ever.
func (s *source) mayRetry(tries int) bool {
	if tries >= maxAttempts && s.err == nil {
		s.err = errStuck
	}
	return s.err == nil
}

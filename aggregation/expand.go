package aggregation

import (
	"github.com/cinesync/cinesync/aggregation/ring"
	"github.com/cinesync/cinesync/internal/par"
)

// Term is one mask to add to a vector, or to subtract: the keystream of Key from a zero counter, read as little-endian words
// (secure aggregation 6.3). AES-128 uses the first 16 bytes of Key; the rest is zero then. A key is used for one pair and one
// session only, which is what makes the zero counter safe. It does not print.
type Term struct {
	Key      [32]byte
	Negative bool
}

const (
	// stripeWords is how much of a vector all masks are added to at a time: 32 KiB, which stay in cache meanwhile. A multiple of
	// the blocks of every generator, whatever the words.
	stripeWords = 8 << 10
	// maxPieces is how many runs of stripes a vector is cut into for the cores.
	maxPieces = 64
	// batchTerms bounds the expanded keys that are held at once, about 0.3 KB each.
	batchTerms = 1 << 10
	// alignWords is what the beginning of a block of a longer vector must be a multiple of.
	alignWords = 1 << 10
)

// Masker adds the masks of a session to a vector, whole or in blocks. Its memory does not depend on the vector.
type Masker struct {
	suite Suite
	terms []Term
}

// NewMasker takes the terms, which are its own from now on. The suite is one that Validate accepts.
func NewMasker(s Suite, terms []Term) *Masker { return &Masker{suite: s, terms: terms} }

// Add adds the masks of the words from an index on, a multiple of 1024, to dst, mod 2^32. It panics on another index, which is
// a bug.
func (m *Masker) Add(dst []uint32, from int) {
	if from%alignWords != 0 {
		panic("aggregation: masks are added from a multiple of 1024 words")
	}
	expandAndAdd(ring.Best(), m.suite, dst, from, m.terms)
}

// Zero forgets the keys.
func (m *Masker) Zero() { clear(m.terms) }

// expandAndAdd adds the masks of all terms to dst, which begins at word from of a vector. Integers mod 2^32 commute, so the
// result does not depend on the order. What it expands of the keys it wipes.
func expandAndAdd(l ring.Level, s Suite, dst []uint32, from int, terms []Term) {
	stripes := (len(dst) + stripeWords - 1) / stripeWords
	size := (stripes + maxPieces - 1) / maxPieces * stripeWords
	if stripes == 0 || len(terms) == 0 {
		return
	}
	pieces, most := (len(dst)+size-1)/size, min(batchTerms, len(terms))
	workers := make([]adder, min(par.Width(), pieces))
	for i := range workers {
		workers[i] = adder{s, make([]ring.Stream, most), new(ring.Buffer)}
	}
	keys := make([]ring.Key, most)
	defer func() {
		for i := range keys {
			keys[i].Zero()
		}
		for _, w := range workers {
			w.buf.Zero()
		}
	}()
	for len(terms) > 0 {
		batch := terms[:min(batchTerms, len(terms))]
		terms = terms[len(batch):]
		for i := range batch {
			keys[i].Expand(l, generator(s.PRG), &batch[i].Key)
		}
		par.Each(len(workers), pieces, func(worker, i int) {
			at := i * size
			workers[worker].add(dst[at:min(at+size, len(dst))], from+at, batch, keys)
		})
	}
}

// adder is what one core needs.
type adder struct {
	suite   Suite
	streams []ring.Stream
	buf     *ring.Buffer
}

// add adds to a run of stripes that begins at word from of the vector, a multiple of 64. Streams are begun once and go on from
// stripe to stripe.
func (a *adder) add(piece []uint32, from int, terms []Term, keys []ring.Key) {
	width, streams := int(a.suite.WordBits/8), a.streams[:len(terms)]
	for i := range streams {
		streams[i] = keys[i].From(uint64(from) * uint64(width))
	}
	for len(piece) > 0 {
		stripe := piece[:min(stripeWords, len(piece))]
		piece = piece[len(stripe):]
		for i := range streams {
			streams[i].Add(stripe, width, terms[i].Negative, a.buf)
		}
	}
}

// generator is what a tag of the specification names.
func generator(prg uint16) ring.Generator {
	switch prg {
	case PRGChaCha20:
		return ring.ChaCha20
	case PRGAES256:
		return ring.AES256
	default:
		return ring.AES128
	}
}

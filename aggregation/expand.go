package aggregation

import (
	"crypto/cipher"

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
	// stripeWords is how much of a vector all masks are added to at a time: 64 KiB, which stay in cache meanwhile. A multiple of
	// the blocks of every generator, whatever the words.
	stripeWords = 16 << 10
	// maxPieces is how many runs of stripes a vector is cut into for the cores.
	maxPieces = 64
	// blockWords is how much keystream is made at a time: 16 KiB, which stays in the first-level cache until it is added.
	blockWords = 4 << 10
	// batchTerms bounds the expanded keys that are held at once, about 0.5 KB each.
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
	expandAndAdd(m.suite, dst, from, m.terms)
}

// Zero forgets the keys.
func (m *Masker) Zero() { clear(m.terms) }

// expandAndAdd adds the masks of all terms to dst, which begins at word from of a vector. Integers mod 2^32 commute, so the
// result does not depend on the order.
func expandAndAdd(s Suite, dst []uint32, from int, terms []Term) {
	zero := make([]byte, 4*blockWords)
	stripes := (len(dst) + stripeWords - 1) / stripeWords
	size := (stripes + maxPieces - 1) / maxPieces * stripeWords
	for len(terms) > 0 && stripes > 0 {
		batch := terms[:min(batchTerms, len(terms))]
		terms = terms[len(batch):]
		generators := make([]generator, len(batch))
		for i := range batch {
			generators[i] = newGenerator(s.PRG, &batch[i].Key)
		}
		par.Do((len(dst)+size-1)/size, func(i int) {
			at := i * size
			addPiece(s, dst[at:min(at+size, len(dst))], from+at, batch, generators, zero)
		})
	}
}

// addPiece adds to a run of stripes that begins at word from of the vector. The library copies a key for each stream, so that
// streams are made once and go on from stripe to stripe.
func addPiece(s Suite, piece []uint32, from int, terms []Term, generators []generator, zero []byte) {
	words, width := make([]uint32, min(blockWords, len(piece))), int(s.WordBits/8)
	defer clear(words)
	streams := make([]cipher.Stream, len(generators))
	for i, g := range generators {
		streams[i] = g.at(uint64(from) * uint64(width))
	}
	for len(piece) > 0 {
		stripe := piece[:min(stripeWords, len(piece))]
		piece = piece[len(stripe):]
		for i, keystream := range streams {
			addStripe(stripe, words, width, keystream, terms[i].Negative, zero)
		}
	}
}

// addStripe adds one mask; words is the buffer for its keystream.
func addStripe(stripe, words []uint32, width int, keystream cipher.Stream, negative bool, zero []byte) {
	stream := bytesOf(words)
	for len(stripe) > 0 {
		m := min(len(words), len(stripe))
		keystream.XORKeyStream(stream[:width*m], zero[:width*m])
		addKeystream(stripe[:m], words[:m], width, negative)
		stripe = stripe[m:]
	}
}

// addKeystream adds keystream bytes that were written into words.
func addKeystream(dst, words []uint32, width int, negative bool) {
	switch width {
	case 4:
		if !littleEndian() {
			reorder(words)
		}
		if negative {
			Sub(dst, words)
			return
		}
		Add(dst, words)
	case 3:
		fold24(dst, bytesOf(words), negative)
	default:
		fold16(dst, bytesOf(words), negative)
	}
}

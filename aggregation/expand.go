package aggregation

import "github.com/cinesync/cinesync/internal/par"

// Term is one mask to add to a vector, or to subtract: the keystream of Key from a zero counter, read as little-endian words
// (secure aggregation 6.3). AES-128 uses the first 16 bytes of Key; the rest is zero then. A key is used for one pair and one
// session only, which is what makes the zero counter safe. It does not print.
type Term struct {
	Key      [32]byte
	Negative bool
}

const (
	// stripeWords is how much of a vector one goroutine works on at a time: 64 KiB, so that the stripe stays in cache while
	// all masks are added to it. A multiple of the blocks of every generator, whatever the words.
	stripeWords = 16 << 10
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
	for len(terms) > 0 && stripes > 0 {
		batch := terms[:min(batchTerms, len(terms))]
		terms = terms[len(batch):]
		generators := make([]generator, len(batch))
		for i := range batch {
			generators[i] = newGenerator(s.PRG, &batch[i].Key)
		}
		par.Do(stripes, func(i int) {
			at := i * stripeWords
			stripe := dst[at:min(at+stripeWords, len(dst))]
			addStripe(s, stripe, from+at, batch, generators, zero)
		})
	}
}

// addStripe adds to a stripe that begins at word from of the vector.
func addStripe(s Suite, stripe []uint32, from int, terms []Term, generators []generator, zero []byte) {
	words := make([]uint32, min(blockWords, len(stripe)))
	stream, width := bytesOf(words), int(s.WordBits/8)
	defer clear(words)
	for i, g := range generators {
		keystream := g.at(uint64(from) * uint64(width))
		for rest := stripe; len(rest) > 0; {
			m := min(len(words), len(rest))
			keystream.XORKeyStream(stream[:width*m], zero[:width*m])
			addKeystream(rest[:m], words[:m], width, terms[i].Negative)
			rest = rest[m:]
		}
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
		addWords24(dst, bytesOf(words), negative)
	default:
		addWords16(dst, bytesOf(words), negative)
	}
}

package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"unsafe"

	"github.com/cinesync/cinesync/internal/par"
)

// Term is one mask to add to a vector, or to subtract: the AES-128-CTR keystream of Key from a zero counter, read as
// little-endian words (design: secure aggregation 6.3). A key is used for one pair and one session only, which is what makes
// the zero counter safe. It does not print.
type Term struct {
	Key      [16]byte
	Negative bool
}

const (
	// stripeWords is how much of a vector one goroutine works on at a time: 64 KiB, so that the stripe stays in cache while
	// all masks are added to it. A multiple of the AES block.
	stripeWords = 16 << 10
	// blockWords is how much keystream is made at a time: 16 KiB, which stays in the first-level cache until it is added.
	blockWords = 4 << 10
	// batchTerms bounds the expanded AES keys that are held at once, about 0.5 KB each.
	batchTerms = 1 << 10
)

// expandAndAdd adds the masks of all terms to dst. Integers mod 2^32 commute, so the result does not depend on the order.
func expandAndAdd(dst []uint32, terms []Term) {
	zero := make([]byte, 4*blockWords)
	stripes := (len(dst) + stripeWords - 1) / stripeWords
	for len(terms) > 0 && stripes > 0 {
		batch := terms[:min(batchTerms, len(terms))]
		terms = terms[len(batch):]
		blocks := make([]cipher.Block, len(batch))
		for i := range batch {
			block, err := aes.NewCipher(batch[i].Key[:])
			if err != nil {
				panic("aggregation: expand mask key: " + err.Error()) // only for a wrong key size
			}
			blocks[i] = block
		}
		par.Do(stripes, func(i int) {
			from := i * stripeWords
			stripe := dst[from:min(from+stripeWords, len(dst))]
			addStripe(stripe, from, batch, blocks, zero)
		})
	}
}

// addStripe adds to a stripe that begins at word from of the vector.
func addStripe(stripe []uint32, from int, terms []Term, blocks []cipher.Block, zero []byte) {
	words := make([]uint32, min(blockWords, len(stripe)))
	stream := bytesOf(words)
	defer clear(words)
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(from)*4/aes.BlockSize)
	for i, block := range blocks {
		ctr := cipher.NewCTR(block, counter[:])
		for rest := stripe; len(rest) > 0; {
			m := min(len(words), len(rest))
			ctr.XORKeyStream(stream[:4*m], zero[:4*m])
			addKeystream(rest[:m], words[:m], terms[i].Negative)
			rest = rest[m:]
		}
	}
}

// addKeystream adds keystream bytes that were written into words.
func addKeystream(dst, words []uint32, negative bool) {
	if !littleEndian() {
		reorder(words)
	}
	if negative {
		Sub(dst, words)
		return
	}
	Add(dst, words)
}

// reorder turns bytes that were written into words from little-endian to the machine's own order, in place. Where that is
// little-endian it changes nothing.
func reorder(words []uint32) {
	stream := bytesOf(words)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(stream[4*i:])
	}
}

// bytesOf views words as bytes. Words are aligned for any use as bytes.
func bytesOf(words []uint32) []byte {
	if len(words) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 4*len(words))
}

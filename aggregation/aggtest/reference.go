package aggtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// stream is n reproducible bytes.
func stream(t testing.TB, name string, n int) []byte {
	t.Helper()
	key := sha256.Sum256([]byte("aggtest " + name))
	return keystream(t, key[:16], n)
}

// keystream is AES-128-CTR from a zero counter.
func keystream(t testing.TB, key []byte, n int) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(b, b)
	return b
}

// term is a mask with a key of its own, every third to be subtracted.
func term(t testing.TB, name string, i int) aggregation.Term {
	t.Helper()
	m := aggregation.Term{Negative: i%3 == 1}
	copy(m.Key[:], stream(t, fmt.Sprint(name, i), 16))
	return m
}

// reference is the sum that an accumulator must equal, one word after the other.
type reference []uint32

func (r reference) add(y []byte) {
	for i := range r {
		r[i] += binary.LittleEndian.Uint32(y[4*i:])
	}
}

func (r reference) mask(t testing.TB, terms []aggregation.Term) {
	t.Helper()
	for _, m := range terms {
		stream := keystream(t, m.Key[:16], 4*len(r))
		for i := range r {
			w := binary.LittleEndian.Uint32(stream[4*i:])
			if m.Negative {
				w = -w
			}
			r[i] += w
		}
	}
}

func (r reference) equals(t testing.TB, acc aggregation.Accumulator) {
	t.Helper()
	got := acc.Sum()
	if len(got) != len(r) {
		t.Fatalf("the sum has %d words, want %d", len(got), len(r))
	}
	for i := range r {
		if got[i] != r[i] {
			t.Fatalf("word %d of %d is %08x, want %08x", i, len(r), got[i], r[i])
		}
	}
}

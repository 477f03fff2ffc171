package aggtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// stream is n reproducible bytes.
func stream(t testing.TB, name string, n int) []byte {
	t.Helper()
	key := sha256.Sum256([]byte("aggtest " + name))
	return aesStream(t, key[:16], n)
}

// keystream is the mask generator from a zero counter, one block after the other.
func keystream(t testing.TB, prg uint16, key [32]byte, n int) []byte {
	t.Helper()
	switch prg {
	case aggregation.PRGAES128:
		return aesStream(t, key[:16], n)
	case aggregation.PRGAES256:
		return aesStream(t, key[:], n)
	}
	var out []byte
	for counter := uint32(0); len(out) < n; counter++ {
		block := chaCha(key, counter)
		out = append(out, block[:]...)
	}
	return out[:n]
}

func aesStream(t testing.TB, key []byte, n int) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(b, b)
	return b
}

// chaCha is one block of RFC 8439 section 2.3 under a zero nonce.
func chaCha(key [32]byte, counter uint32) [64]byte {
	start := [16]uint32{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 12: counter}
	for i := range 8 {
		start[4+i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	s := start
	quarter := func(a, b, c, d int) {
		for _, r := range [2][2]int{{16, 12}, {8, 7}} {
			s[a] += s[b]
			s[d] = bits.RotateLeft32(s[d]^s[a], r[0])
			s[c] += s[d]
			s[b] = bits.RotateLeft32(s[b]^s[c], r[1])
		}
	}
	for range 10 {
		for i := range 4 {
			quarter(i, 4+i, 8+i, 12+i)
		}
		for i := range 4 {
			quarter(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4)
		}
	}
	var out [64]byte
	for i := range s {
		binary.LittleEndian.PutUint32(out[4*i:], s[i]+start[i])
	}
	return out
}

// reference is the sum that an accumulator must equal, one word after the other.
type reference struct {
	shape aggregation.Shape
	sum   []uint32
}

func newReference(s aggregation.Shape) *reference { return &reference{s, make([]uint32, s.D)} }

// word is the i-th little-endian word of b.
func (r *reference) word(b []byte, i int) (w uint32) {
	v := int(r.shape.WordBits / 8)
	for at := v - 1; at >= 0; at-- {
		w = w<<8 | uint32(b[v*i+at])
	}
	return w
}

func (r *reference) put(i int, w uint32) { r.sum[i] = (r.sum[i] + w) & (1<<r.shape.WordBits - 1) }

func (r *reference) add(y []byte) {
	for i := range r.sum {
		r.put(i, r.word(y, i))
	}
}

func (r *reference) mask(t testing.TB, terms []aggregation.Term) {
	t.Helper()
	for _, m := range terms {
		stream := keystream(t, r.shape.PRG, m.Key, r.shape.Bytes())
		for i := range r.sum {
			w := r.word(stream, i)
			if m.Negative {
				w = -w
			}
			r.put(i, w)
		}
	}
}

func (r *reference) equals(t testing.TB, acc aggregation.Accumulator) {
	t.Helper()
	got := acc.Sum()
	if len(got) != len(r.sum) {
		t.Fatalf("the sum has %d words, want %d", len(got), len(r.sum))
	}
	for i := range r.sum {
		if got[i] != r.sum[i] {
			t.Fatalf("word %d of %d is %08x, want %08x", i, len(r.sum), got[i], r.sum[i])
		}
	}
}

// term is a mask with a key of its own, every third to be subtracted.
func (b bench) term(t testing.TB, name string, i int) aggregation.Term {
	t.Helper()
	m := aggregation.Term{Negative: i%3 == 1}
	size := 32
	if b.suite.PRG == aggregation.PRGAES128 {
		size = 16
	}
	copy(m.Key[:], stream(t, fmt.Sprint(name, i), size))
	return m
}

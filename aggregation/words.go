package aggregation

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"github.com/cinesync/cinesync/aggregation/ring"
)

// Vectors live in Z_2^w, w = 32, 24 or 16 bits: in memory as wrapping uint32, which is cut to w bits in the end, since 2^w
// divides 2^32; on the wire as w/8 bytes a word, little-endian (secure aggregation 6.1, 6.3).

// Add sets dst[i] += src[i] mod 2^32. It panics if the lengths differ: that is a bug, not an input.
func Add(dst, src []uint32) { ring.Best().Add(dst, src) }

// Sub sets dst[i] -= src[i] mod 2^32. It panics if the lengths differ: that is a bug, not an input.
func Sub(dst, src []uint32) { ring.Best().Sub(dst, src) }

// AppendWords appends v to dst as little-endian words of w bits, cut to those.
func AppendWords(dst []byte, v []uint32, wordBits uint16) []byte {
	at, size := len(dst), len(v)*int(wordBits/8)
	dst = slices.Grow(dst, size)[:at+size]
	putWords(dst[at:], v, wordBits)
	return dst
}

// Pack turns words into what AppendWords appends, in their own memory, and gives those bytes. The words are gone then.
func Pack(words []uint32, wordBits uint16) []byte {
	b := bytesOf(words)[:len(words)*int(wordBits/8)]
	if wordBits == 32 && littleEndian() {
		return b
	}
	putWords(b, words, wordBits)
	return b
}

// Fill has read fill 32-bit words with their little-endian bytes, in the words' own memory.
func Fill(words []uint32, read func(b []byte) error) error {
	if err := read(bytesOf(words)); err != nil {
		return err
	}
	if !littleEndian() {
		reorder(words)
	}
	return nil
}

// putWords writes words of w bits to b, which has room for just those. b may be the words' own memory: no word is written over
// before it is read.
func putWords(b []byte, v []uint32, wordBits uint16) {
	switch {
	case wordBits == 32 && littleEndian():
		copy(b, bytesOf(v))
	case wordBits == 32:
		for i, w := range v {
			binary.LittleEndian.PutUint32(b[4*i:], w)
		}
	case wordBits == 24:
		for i, w := range v {
			word := b[3*i : 3*i+3]
			word[0], word[1], word[2] = byte(w), byte(w>>8), byte(w>>16)
		}
	default:
		for i, w := range v {
			binary.LittleEndian.PutUint16(b[2*i:], uint16(w))
		}
	}
}

// DecodeWords fills dst from exactly as many bytes of little-endian words of w bits.
func DecodeWords(dst []uint32, b []byte, wordBits uint16) error {
	if err := wordBytes(dst, b, wordBits); err != nil {
		return err
	}
	clear(dst)
	return AddWords(dst, b, wordBits)
}

// AddWords adds exactly len(dst) little-endian words of w bits to dst, mod 2^32: a vector is folded in as it arrives, and is
// never held decoded. On an error dst is unchanged.
func AddWords(dst []uint32, b []byte, wordBits uint16) error {
	return foldWords(ring.Best(), dst, b, wordBits, false)
}

// Negated gives the vector whose sum with y is zero mod 2^w: what takes y off a sum again. y is whole words.
func Negated(y []byte, wordBits uint16) ([]byte, error) {
	v := make([]uint32, len(y)/int(wordBits/8))
	if err := foldWords(ring.Best(), v, y, wordBits, true); err != nil {
		return nil, err
	}
	return AppendWords(nil, v, wordBits), nil
}

func foldWords(l ring.Level, dst []uint32, b []byte, wordBits uint16, negative bool) error {
	if err := wordBytes(dst, b, wordBits); err != nil {
		return err
	}
	l.Fold(dst, b, int(wordBits/8), negative)
	return nil
}

func wordBytes(dst []uint32, b []byte, wordBits uint16) error {
	if want := len(dst) * int(wordBits/8); len(b) != want {
		return fmt.Errorf("read vector: %d bytes, want %d for %d words of %d bits", len(b), want, len(dst), wordBits)
	}
	return nil
}

// littleEndian reports the machine's byte order; the compiler folds it.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

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

// Signed reads a sum mod 2^w as two's complement integers in [−2^(w−1), 2^(w−1)): exact while Grid.Validate's bound on the
// ring holds.
func Signed(sum []uint32, wordBits uint16) []int32 {
	out, shift := make([]int32, len(sum)), 32-wordBits
	for i, w := range sum {
		out[i] = int32(w<<shift) >> shift
	}
	return out
}

// SumHash is SHA-256 over a decoded sum as little-endian int32: the log's sum_hash (secure aggregation 8.4).
func SumHash(sum []int32) [32]byte {
	h := sha256.New()
	var buf [4096]byte
	for len(sum) > 0 {
		m := min(len(sum), len(buf)/4)
		for i, v := range sum[:m] {
			binary.LittleEndian.PutUint32(buf[4*i:], uint32(v))
		}
		h.Write(buf[:4*m])
		sum = sum[m:]
	}
	return [32]byte(h.Sum(nil))
}

package aggregation

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Vectors live in Z_2^32: wrapping uint32, on the wire 4 bytes a word, little-endian (design: secure aggregation 6.3).

// Add sets dst[i] += src[i] mod 2^32. It panics if the lengths differ: that is a bug, not an input.
func Add(dst, src []uint32) {
	sameLength(len(dst), len(src))
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := (*[8]uint32)(dst), (*[8]uint32)(src)
		d[0] += s[0]
		d[1] += s[1]
		d[2] += s[2]
		d[3] += s[3]
		d[4] += s[4]
		d[5] += s[5]
		d[6] += s[6]
		d[7] += s[7]
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] += src[i]
	}
}

// Sub sets dst[i] -= src[i] mod 2^32. It panics if the lengths differ: that is a bug, not an input.
func Sub(dst, src []uint32) {
	sameLength(len(dst), len(src))
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := (*[8]uint32)(dst), (*[8]uint32)(src)
		d[0] -= s[0]
		d[1] -= s[1]
		d[2] -= s[2]
		d[3] -= s[3]
		d[4] -= s[4]
		d[5] -= s[5]
		d[6] -= s[6]
		d[7] -= s[7]
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] -= src[i]
	}
}

func sameLength(dst, src int) {
	if dst != src {
		panic(fmt.Sprintf("aggregation: vectors of %d and %d words", dst, src))
	}
}

// AppendWords appends v to dst as little-endian words, 4 bytes each.
func AppendWords(dst []byte, v []uint32) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, 4*len(v))...)
	for i, w := range v {
		binary.LittleEndian.PutUint32(dst[at+4*i:], w)
	}
	return dst
}

// DecodeWords fills dst from exactly 4·len(dst) bytes of little-endian words.
func DecodeWords(dst []uint32, b []byte) error {
	if err := wordBytes(dst, b); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return nil
}

// AddWords adds exactly 4·len(dst) bytes of little-endian words to dst, mod 2^32: a vector is folded in as it arrives, and
// is never held decoded. On an error dst is unchanged.
func AddWords(dst []uint32, b []byte) error {
	if err := wordBytes(dst, b); err != nil {
		return err
	}
	if v, ok := viewWords(b); ok {
		Add(dst, v)
		return nil
	}
	addPortable(dst, b)
	return nil
}

func wordBytes(dst []uint32, b []byte) error {
	if len(b) != 4*len(dst) {
		return fmt.Errorf("read vector: %d bytes, want %d for %d words", len(b), 4*len(dst), len(dst))
	}
	return nil
}

// addPortable is AddWords on any machine, whatever its byte order and however b is aligned.
func addPortable(dst []uint32, b []byte) {
	for len(dst) >= 4 && len(b) >= 16 {
		d, s := (*[4]uint32)(dst), (*[16]byte)(b)
		d[0] += binary.LittleEndian.Uint32(s[0:4])
		d[1] += binary.LittleEndian.Uint32(s[4:8])
		d[2] += binary.LittleEndian.Uint32(s[8:12])
		d[3] += binary.LittleEndian.Uint32(s[12:16])
		dst, b = dst[4:], b[16:]
	}
	for i := range dst {
		dst[i] += binary.LittleEndian.Uint32(b[4*i:])
	}
}

// viewWords reads b as words without copying, where the machine is little-endian and b is aligned.
func viewWords(b []byte) ([]uint32, bool) {
	if len(b) == 0 {
		return nil, true
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if !littleEndian() || uintptr(p)%unsafe.Alignof(uint32(0)) != 0 {
		return nil, false
	}
	return unsafe.Slice((*uint32)(p), len(b)/4), true
}

// littleEndian reports the machine's byte order; the compiler folds it.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// Signed reads a sum mod 2^32 as two's complement integers in [-2^31, 2^31): exact while Grid.Validate's bound on the ring
// holds.
func Signed(sum []uint32) []int32 {
	out := make([]int32, len(sum))
	for i, w := range sum {
		out[i] = int32(w)
	}
	return out
}

// SumHash is SHA-256 over a decoded sum as little-endian int32: the log's sum_hash (design: secure aggregation 8.4).
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

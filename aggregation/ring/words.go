package ring

import (
	"fmt"
	"unsafe"
)

const (
	// groupWords is what lengths are a multiple of in assembly.
	groupWords = 16
	// turnWords is how much one call of assembly does, so that the scheduler and the collector wait microseconds for it.
	turnWords = 1 << 16
)

// Add sets dst[i] += src[i] mod 2^32. They are equally long, and the same or apart.
func (l Level) Add(dst, src []uint32) { l.combine(dst, src, false) }

// Sub sets dst[i] -= src[i] mod 2^32. They are equally long, and the same or apart.
func (l Level) Sub(dst, src []uint32) { l.combine(dst, src, true) }

func (l Level) combine(dst, src []uint32, negative bool) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("ring: vectors of %d and %d words", len(dst), len(src)))
	}
	for len(dst) >= groupWords {
		n := min(len(dst), turnWords) &^ (groupWords - 1)
		l.vectors(dst[:n], src[:n], negative)
		dst, src = dst[n:], src[n:]
	}
	vectorsPortable(dst, src, negative)
}

// Fold adds as many little-endian words of width bytes, 4, 3 or 2, as dst has, mod 2^32, or takes them off. b is just those words,
// aligned or not.
func (l Level) Fold(dst []uint32, b []byte, width int, negative bool) {
	if width < 2 || width > 4 || len(b) != width*len(dst) {
		panic(fmt.Sprintf("ring: %d bytes for %d words of %d bytes", len(b), len(dst), width))
	}
	for len(dst) >= groupWords {
		n := min(len(dst), turnWords) &^ (groupWords - 1)
		l.fold(dst[:n], b[:width*n], width, negative)
		dst, b = dst[n:], b[width*n:]
	}
	foldPortable(dst, b, width, negative)
}

// bytesOf views words as bytes.
func bytesOf(words []uint32) []byte {
	if len(words) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 4*len(words))
}

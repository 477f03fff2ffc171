package ring

import (
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"unsafe"
)

// edge gives memory that ends, or begins, exactly where none may be touched.
type edge struct {
	t     *testing.T
	front bool
}

func (e edge) bytes(v []byte) []byte {
	page := os.Getpagesize()
	room := (len(v) + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, room+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if err := syscall.Munmap(all); err != nil {
			e.t.Error(err)
		}
	})
	for _, guard := range [][]byte{all[:page], all[page+room:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			e.t.Fatal(err)
		}
	}
	start := page
	if !e.front {
		start += room - len(v)
	}
	out := all[start : start+len(v) : start+len(v)]
	copy(out, v)
	return out
}

func (e edge) words(v []uint32) []uint32 {
	if len(v) == 0 {
		return nil
	}
	b := e.bytes(bytesOf(v))
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(b))), len(v))
}

// TestNothingOutsideIsTouched runs every loop with each operand, the buffer too, against a page that faults.
func TestNothingOutsideIsTouched(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, front := range []bool{false, true} {
		for _, n := range []int{1, 15, 16, 17, 31, 48, 64, 79, 112, 255, 256, 300, 600, bufferWords + 256} {
			e := edge{t, front}
			start, src := randomWords(rng, n), e.bytes(bytesOf(randomWords(rng, n)))
			dst, key := e.words(start), randomKey(rng)
			for _, l := range Levels() {
				for width := 2; width <= 4; width++ {
					from := src[:width*n]
					if !front {
						from = src[len(src)-width*n:]
					}
					l.Fold(dst, from, width, false)
					l.Fold(dst, from, width, true)
					for _, g := range generators {
						k, buf := made(l, g, &key), e.buffer()
						one, other := k.From(64), k.From(64)
						one.Add(dst, width, false, buf)
						other.Add(dst, width, true, buf)
						if buf.zeros != (Buffer{}).zeros {
							t.Fatalf("%v writes behind the buffer's keystream", l)
						}
					}
				}
				if !slices.Equal(dst, start) {
					t.Fatalf("%v: %d words, added and taken off, differ", l, n)
				}
			}
		}
	}
}

// buffer is one whose zeros, and so nothing of ours, are behind its keystream.
func (e edge) buffer() *Buffer {
	b := e.bytes(make([]byte, unsafe.Sizeof(Buffer{})))
	return (*Buffer)(unsafe.Pointer(unsafe.SliceData(b)))
}

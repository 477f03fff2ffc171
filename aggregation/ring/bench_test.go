package ring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// ratio reports how many times the baseline's rate ours is: more is better. The baseline runs as often as it takes to fill a tenth of
// a second, and works on as many bytes as a run of ours.
func ratio(b *testing.B, unit string, baseline func()) {
	b.Helper()
	ours := float64(b.Elapsed()) / float64(b.N)
	runs, start := 0, time.Now()
	for runs < 3 || time.Since(start) < 100*time.Millisecond {
		baseline()
		runs++
	}
	b.ReportMetric(float64(time.Since(start))/float64(runs)/ours, unit)
}

// BenchmarkMask adds keystreams to a stripe of 64 KiB, on one core, beside the library's keystream alone and beside the library's
// keystream and a loop. Bytes are those of keystream.
func BenchmarkMask(b *testing.B) {
	const n = 16 << 10
	rng := rand.New(rand.NewPCG(1, 1))
	key, dst, stream := randomKey(rng), randomWords(rng, n), make([]byte, 4*n)
	for _, name := range []string{"AES-128", "AES-256", "ChaCha20"} {
		g := generators[name]
		for width := 4; width >= 2; width-- {
			for _, l := range Levels() {
				b.Run(fmt.Sprintf("%s/%d-bits/%v", name, 8*width, l), func(b *testing.B) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // here: b.Run sets it anew
					s, buf := made(l, g, &key).From(0), new(Buffer)
					b.SetBytes(int64(width * n))
					for b.Loop() {
						s.Add(dst, width, false, buf)
					}
					lib := made(Portable, g, &key).newLibrary(0)
					ratio(b, "x-of-library-keystream", func() { lib.XORKeyStream(stream[:width*n], stream[:width*n]) })
					ratio(b, "x-of-library-and-loop", func() {
						lib.XORKeyStream(stream[:width*n], stream[:width*n])
						foldPortable(dst, stream[:width*n], width, false)
					})
				})
			}
		}
	}
}

// BenchmarkFold adds words from memory, within the first-level cache and far beyond the last, beside a copy of as many bytes as are
// read. Bytes are those of the packed words.
func BenchmarkFold(b *testing.B) {
	for _, n := range []int{1 << 11, 1 << 24} {
		dst, src, copied := make([]uint32, n), make([]byte, 4*n+1), make([]byte, 4*n)
		for i := range src {
			src[i] = byte(i)
		}
		for width := 4; width >= 2; width-- {
			for _, l := range Levels() {
				if l.ownAES() {
					continue // the same loops
				}
				for _, off := range []int{0, 1} {
					b.Run(fmt.Sprintf("%d-words/%d-bits/unaligned=%d/%v", n, 8*width, off, l), func(b *testing.B) {
						from := src[off : off+width*n]
						b.SetBytes(int64(width * n))
						for b.Loop() {
							l.Fold(dst, from, width, false)
						}
						ratio(b, "x-of-copy", func() { copy(copied, from) })
						ratio(b, "x-of-go", func() { Portable.Fold(dst, from, width, false) })
					})
				}
			}
		}
	}
}

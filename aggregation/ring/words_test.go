package ring

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAdditionsEqualPlainLoops at every level, for words of every size, aligned and not, of every length around the groups.
func TestAdditionsEqualPlainLoops(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	words, other := randomWords(rng, turnWords+1024), randomWords(rng, turnWords+1024)
	for _, n := range lengths() {
		start := words[:n]
		for width := 2; width <= 4; width++ {
			from, negative := bytesOf(other)[n%4:][:width*n], (n/4+width)%2 == 0
			want := plain(start, from, width, negative)
			for _, l := range Levels() {
				got := slices.Clone(start)
				if l.Fold(got, from, width, negative); !slices.Equal(got, want) {
					t.Fatalf("%v: %d words of %d bytes, negative %v, differ", l, n, width, negative)
				}
			}
		}
		sum, diff := slices.Clone(start), slices.Clone(start)
		for i, w := range other[:n] {
			sum[i] += w
			diff[i] -= w
		}
		for _, l := range Levels() {
			got := slices.Clone(start)
			if l.Add(got, other[:n]); !slices.Equal(got, sum) {
				t.Fatalf("%v: a sum of %d words differs", l, n)
			}
			if l.Sub(got, got); slices.ContainsFunc(got, func(w uint32) bool { return w != 0 }) {
				t.Fatalf("%v: a vector less itself is not zero", l)
			}
			copy(got, start)
			if l.Sub(got, other[:n]); !slices.Equal(got, diff) {
				t.Fatalf("%v: a difference of %d words differs", l, n)
			}
		}
	}
}

// TestNeighboursStay looks at what lies around a vector that is added to.
func TestNeighboursStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, off := rapid.IntRange(0, 200).Draw(t, "n"), rapid.IntRange(0, 20).Draw(t, "off")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		all, width := randomWords(rng, n+40), rapid.IntRange(2, 4).Draw(t, "width")
		src := bytesOf(randomWords(rng, n))[:width*n]
		want := slices.Concat(all[:off], plain(all[off:off+n], src, width, false), all[off+n:])
		for _, l := range Levels() {
			got := slices.Clone(all)
			l.Fold(got[off:off+n], src, width, false)
			if !slices.Equal(got, want) {
				t.Fatalf("%v differs", l)
			}
		}
	})
}

// TestWrongLengthsPanic before anything is read.
func TestWrongLengthsPanic(t *testing.T) {
	for _, l := range Levels() {
		for name, f := range map[string]func(){
			"add":              func() { l.Add(make([]uint32, 33), make([]uint32, 32)) },
			"sub":              func() { l.Sub(make([]uint32, 32), make([]uint32, 33)) },
			"too few bytes":    func() { l.Fold(make([]uint32, 32), make([]byte, 95), 3, false) },
			"too many bytes":   func() { l.Fold(make([]uint32, 32), make([]byte, 65), 2, true) },
			"words of one":     func() { l.Fold(make([]uint32, 32), make([]byte, 32), 1, true) },
			"between blocks":   func() { made(l, AES128, &[32]byte{}).From(16) },
			"after some words": func() { stopped(l, AES256, 4) },
			"after some more":  func() { stopped(l, ChaCha20, 3) },
		} {
			said, ours := panics(f), l.ownAES() && l != Portable
			if strings.HasPrefix(name, "after") && !ours {
				continue // a library goes on from anywhere
			}
			if !strings.HasPrefix(said, "ring: ") {
				t.Errorf("%v, %s: panics with %q", l, name, said)
			}
		}
	}
}

// stopped goes on with a stream that stopped in the midst of a block.
func stopped(l Level, g Generator, width int) {
	s, buf := made(l, g, &[32]byte{}).From(0), new(Buffer)
	s.Add(make([]uint32, 300), width, false, buf)
	s.Add(make([]uint32, 300), width, false, buf)
}

func panics(f func()) (said string) {
	defer func() { said, _ = recover().(string) }()
	f()
	return ""
}

func FuzzFold(f *testing.F) {
	f.Add([]byte("words of three bytes, of two and of four, that do not end where groups of sixteen end."), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, seed))
		for width := 2; width <= 4; width++ {
			start, from := randomWords(rng, len(b)/width), b[:len(b)/width*width]
			want := plain(start, from, width, seed%2 == 0)
			for _, l := range Levels() {
				got := slices.Clone(start)
				l.Fold(got, from, width, seed%2 == 0)
				if !slices.Equal(got, want) {
					t.Fatalf("%v: words of %d bytes differ", l, width)
				}
			}
		}
	})
}

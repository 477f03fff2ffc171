package ring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20"
	"pgregory.net/rapid"
)

var generators = map[string]Generator{"AES-128": AES128, "AES-256": AES256, "ChaCha20": ChaCha20}

// fatal is what tests and properties have in common.
type fatal interface {
	Helper()
	Fatal(args ...any)
}

// library is a keystream of the libraries, from its beginning.
func library(t fatal, g Generator, key *[32]byte, n int) []byte {
	t.Helper()
	out, size := make([]byte, n), 32
	if g == ChaCha20 {
		c, err := chacha20.NewUnauthenticatedCipher(key[:], make([]byte, chacha20.NonceSize))
		if err != nil {
			t.Fatal(err)
		}
		c.XORKeyStream(out, out)
		return out
	}
	if g == AES128 {
		size = 16
	}
	block, err := aes.NewCipher(key[:size])
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, out)
	return out
}

// plain adds words one by one.
func plain(dst []uint32, b []byte, width int, negative bool) []uint32 {
	out := slices.Clone(dst)
	for i := range out {
		var word [4]byte
		copy(word[:], b[width*i:width*(i+1)])
		if w := binary.LittleEndian.Uint32(word[:]); negative {
			out[i] -= w
		} else {
			out[i] += w
		}
	}
	return out
}

func randomWords(rng *rand.Rand, n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = rng.Uint32()
	}
	return out
}

func randomKey(rng *rand.Rand) (key [32]byte) {
	for i := range key {
		key[i] = byte(rng.Uint32())
	}
	return key
}

func made(l Level, g Generator, key *[32]byte) *Key {
	k := new(Key)
	k.Expand(l, g, key)
	return k
}

// lengths are around every group, buffer and turn of the code.
func lengths() []int {
	var out []int
	for n := range 70 {
		out = append(out, n)
	}
	for _, edge := range []int{128, 256, 512, bufferWords, bufferWords + 256, 3 * bufferWords, turnWords, turnWords + 512} {
		for _, by := range []int{-17, -1, 0, 1, 5, 16} {
			out = append(out, edge+by)
		}
	}
	return out
}

// TestKeystreamsEqualTheLibraries at every level, for words of every size, added and taken off.
func TestKeystreamsEqualTheLibraries(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	key := randomKey(rng)
	words := randomWords(rng, turnWords+1024)
	for name, g := range generators {
		stream := library(t, g, &key, 4*len(words))
		for _, n := range lengths() {
			for width := 2; width <= 4; width++ {
				negative := (n+width)%2 == 0
				want := append(plain(words[:n], stream, width, negative), words[n])
				for _, l := range Levels() {
					got, s := slices.Clone(words[:n+1]), made(l, g, &key).From(0)
					s.Add(got[:n], width, negative, new(Buffer))
					if !slices.Equal(got, want) {
						t.Fatalf("%s at %v: %d words of %d bytes differ", name, l, n, width)
					}
				}
			}
		}
	}
}

// TestStreamsGoOn cuts a stream at any multiples of 64 words, from any multiple of 64 bytes on.
func TestStreamsGoOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		key, g := randomKey(rng), rapid.SampledFrom([]Generator{AES128, AES256, ChaCha20}).Draw(t, "generator")
		width, negative := rapid.IntRange(2, 4).Draw(t, "width"), rapid.Bool().Draw(t, "negative")
		from, n := blockBytes*rapid.IntRange(0, 300).Draw(t, "from"), rapid.IntRange(0, 9000).Draw(t, "n")
		stream := library(t, g, &key, from+width*n)[from:]
		start := randomWords(rng, n)
		want := plain(start, stream, width, negative)
		for _, l := range Levels() {
			got := slices.Clone(start)
			s, buf := made(l, g, &key).From(uint64(from)), new(Buffer)
			for at := 0; at < n; {
				to := min(n, at+64*rapid.IntRange(1, 60).Draw(t, "piece"))
				s.Add(got[at:to], width, negative, buf)
				at = to
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v differs", l)
			}
		}
	})
}

// TestCountersCarry begins streams where the counter's low bytes and words wrap.
func TestCountersCarry(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	key := randomKey(rng)
	for name, g := range generators {
		for _, block := range []uint64{0xff, 0xffff, 0xffffff - 40, 1<<30 - 3, 1<<32 - 65, 1<<32 - 1, 1 << 35} {
			if g == ChaCha20 && block+64 >= 1<<32 {
				continue // its keystream ends there
			}
			at := blockBytes * block
			for _, l := range Levels() {
				got, k := make([]uint32, 1000), made(l, g, &key)
				s := k.From(at)
				s.Add(got, 4, false, new(Buffer))
				b := make([]byte, 4000)
				lib := made(Portable, g, &key).newLibrary(at)
				lib.XORKeyStream(b, b)
				if want := plain(make([]uint32, 1000), b, 4, false); !slices.Equal(got, want) {
					t.Errorf("%s at %v from block %x differs", name, l, block)
				}
			}
		}
	}
}

// TestKnownAnswers: for AES the first two blocks of the counter under zero keys, which test cases 2 and 14 of GCM's specification
// (McGrew, Viega 2005, appendix B) give as H and E(K, Y0); ChaCha20's are RFC 8439 A.1, vectors 1 and 2.
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		g    Generator
		key  string
		want string
	}{
		{AES128, "00000000000000000000000000000000", "66e94bd4ef8a2c3b884cfa59ca342b2e58e2fccefa7e3061367f1d57a4e7455a"},
		{AES256, "0000000000000000000000000000000000000000000000000000000000000000", "dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b"},
		{ChaCha20, "0000000000000000000000000000000000000000000000000000000000000000",
			"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586" +
				"9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
	} {
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		var key [32]byte
		if _, err := hex.Decode(key[:], []byte(c.key)); err != nil {
			t.Fatal(err)
		}
		for _, l := range Levels() {
			words := make([]uint32, len(want)/4)
			s := made(l, c.g, &key).From(0)
			s.Add(words, 4, false, new(Buffer))
			var got []byte
			for _, w := range words {
				got = binary.LittleEndian.AppendUint32(got, w)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("generator %d at %v: %x, want %x", c.g, l, got, want)
			}
		}
	}
}

// TestKeysAreExpandedAsFIPS197Says: the schedules of appendix A.1 and A.3, first and last words, wherever they are ours. Then they
// are wiped, and printed without their bytes.
func TestKeysAreExpandedAsFIPS197Says(t *testing.T) {
	for _, c := range []struct {
		g         Generator
		key, last string
	}{
		{AES128, "2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6"},
		{AES256, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "fe4890d1e6188d0b046df344706c631e"},
	} {
		var key [32]byte
		if _, err := hex.Decode(key[:], []byte(c.key)); err != nil {
			t.Fatal(err)
		}
		for _, l := range Levels() {
			k := made(l, c.g, &key)
			if l.ownAES() {
				at := 16 * c.g.rounds()
				if got := hex.EncodeToString(k.words[:len(c.key)/2]); got != c.key {
					t.Errorf("%v: the schedule begins with %s", l, got)
				}
				if got := hex.EncodeToString(k.words[at : at+16]); got != c.last {
					t.Errorf("%v: the last round key is %s, want %s", l, got, c.last)
				}
			}
			if text := fmt.Sprintf("%v %+v %#v %x %d", k, *k, k, k, *k); strings.ReplaceAll(text, "[secret]", "") != "    " {
				t.Errorf("%v: a key prints as %q", l, text)
			}
			k.Zero()
			if k.words != [len(k.words)]byte{} || k.library != nil {
				t.Errorf("%v: something is left of a zeroed key", l)
			}
		}
	}
}

// FuzzStream begins anywhere, takes any number of words, and adds to what is there.
func FuzzStream(f *testing.F) {
	f.Add([]byte("a key of some bytes"), uint16(3), uint16(1000), byte(4))
	f.Fuzz(func(t *testing.T, seed []byte, block, n uint16, kind byte) {
		var key [32]byte
		copy(key[:], seed)
		g, width, negative := Generator(kind%3), 2+int(kind/3%3), kind/9%2 == 0
		from := blockBytes * int(block)
		start := randomWords(rand.New(rand.NewPCG(uint64(block), uint64(n))), int(n))
		want := plain(start, library(t, g, &key, from+width*int(n))[from:], width, negative)
		for _, l := range Levels() {
			got, buf := slices.Clone(start), new(Buffer)
			s := made(l, g, &key).From(uint64(from))
			s.Add(got, width, negative, buf)
			if !slices.Equal(got, want) {
				t.Fatalf("%v: %d words of %d bytes from block %d differ", l, n, width, block)
			}
		}
	})
}

// TestNothingIsAllocatedByTheWord: adding a long stream at a level of our own takes no memory at all.
func TestNothingIsAllocatedByTheWord(t *testing.T) {
	dst, buf, key := make([]uint32, 3*turnWords), new(Buffer), [32]byte{1}
	for _, l := range Levels() {
		for name, g := range generators {
			for width := 2; width <= 4; width++ {
				k := made(l, g, &key)
				s := k.From(0)
				if allocs := testing.AllocsPerRun(2, func() { s.Add(dst, width, false, buf) }); allocs > 0 {
					t.Errorf("%s at %v: %v allocations for words of %d bytes", name, l, allocs, width)
				}
			}
		}
	}
}

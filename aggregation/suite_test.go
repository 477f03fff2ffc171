package aggregation

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation/ring"
)

// suites lists every combination of tags.
func suites() []Suite {
	var out []Suite
	for _, kex := range []uint16{KexX25519, KexXWing} {
		for _, prg := range []uint16{PRGAES128, PRGAES256, PRGChaCha20} {
			for _, bits := range []uint16{32, 24, 16} {
				out = append(out, Suite{Kex: kex, PRG: prg, WordBits: bits})
			}
		}
	}
	return out
}

// TestMasksCancelInEverySuite loses random members, before and after their masks, and rebuilds every secret from shares.
func TestMasksCancelInEverySuite(t *testing.T) {
	const n, threshold = 6, 4
	for _, suite := range suites() {
		t.Run(fmt.Sprint(suite), func(t *testing.T) {
			f := newFederationIn(t, suite, n, n-1, threshold, 37, map[int]bool{2: true})
			rapid.Check(t, func(t *rapid.T) {
				survivors := map[int]bool{}
				for i := range n {
					survivors[i] = i != 2 && rapid.Bool().Draw(t, "survives")
				}
				sum, err := f.unmask(survivors, rapid.Bool().Draw(t, "own"))
				if !f.bearable(survivors) {
					return
				}
				if err != nil || !slices.Equal(sum, f.plain(survivors)) {
					t.Fatalf("survivors %v: %v", survivors, err)
				}
			})
		})
	}
}

// TestSuitesDoNotMix: a device in another suite than the rest spoils the sum, whatever the tag.
func TestSuitesDoNotMix(t *testing.T) {
	for _, other := range []Suite{{KexXWing, PRGAES128, 32}, {KexX25519, PRGAES256, 32}, {KexX25519, PRGChaCha20, 32}} {
		a, b := newSecrets(t, "a"), newSecrets(t, "b")
		pb, err := b.Public(id("open"), KexXWing)
		if err != nil {
			t.Fatal(err)
		}
		peer := PeerKey{Index: 1, SPK: pb.SPK, KEM: pb.KEM}
		in := within(id("open"), id("sid"))
		one, err := pairTerm(in, a.m, 0, peer)
		if err != nil {
			t.Fatal(err)
		}
		in.Suite = other
		two, err := pairTerm(in, a.m, 0, peer)
		if err != nil {
			t.Fatal(err)
		}
		if one == two {
			t.Errorf("%v has the pair keys of %v", other, plain)
		}
		x, y := make([]uint32, 64), make([]uint32, 64)
		expandAndAdd(ring.Best(), plain, x, 0, []Term{{Key: one}})
		expandAndAdd(ring.Best(), other, y, 0, []Term{{Key: two}})
		if slices.Equal(x, y) {
			t.Errorf("%v gives the masks of %v", other, plain)
		}
	}
}

func TestUnknownSuitesAreRefused(t *testing.T) {
	for _, s := range []Suite{{}, {0, 1, 32}, {3, 1, 32}, {1, 0, 32}, {1, 4, 32}, {1, 1, 0}, {1, 1, 8}, {1, 1, 31}, {1, 1, 64}} {
		if s.Validate() == nil {
			t.Errorf("%v passes", s)
		}
		x := []uint32{1, 2}
		if err := newSecrets(t, "s").Mask(x, Session{Suite: s}, 0, nil); err == nil || x[0] != 1 {
			t.Errorf("%v masks: %v", s, err)
		}
	}
	for _, s := range suites() {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, d := range []int{-1, MaxWords + 1} {
		if (Shape{D: d, WordBits: 32, PRG: 1}).Validate() == nil {
			t.Errorf("%d words pass", d)
		}
	}
}

// TestWordsAreCutFromTheKeystream: word j is bytes vj to vj+v−1, little-endian, whatever the generator.
func TestWordsAreCutFromTheKeystream(t *testing.T) {
	const d = 1000
	for _, suite := range suites() {
		key, v := id("key"), int(suite.WordBits/8)
		stream := make([]byte, v*d)
		libraryStream(t, suite.PRG, &key, stream)
		for i := range 2 * len(ring.Levels()) {
			l, negative, got := ring.Levels()[i/2], i%2 == 0, make([]uint32, d)
			expandAndAdd(l, suite, got, 0, []Term{{Key: key, Negative: negative}})
			for j, w := range got {
				var want uint32
				for i := range v {
					want |= uint32(stream[v*j+i]) << (8 * i)
				}
				if negative {
					want = -want
				}
				if w != want {
					t.Fatalf("%v at %v: word %d is %08x, want %08x", suite, l, j, w, want)
				}
			}
		}
	}
}

// libraryStream fills b with the keystream of a generator, from crypto/cipher and x/crypto alone.
func libraryStream(t *testing.T, prg uint16, key *[32]byte, b []byte) {
	t.Helper()
	if prg == PRGChaCha20 {
		c, err := chacha20.NewUnauthenticatedCipher(key[:], make([]byte, chacha20.NonceSize))
		if err != nil {
			t.Fatal(err)
		}
		c.XORKeyStream(b, b)
		return
	}
	block, err := aes.NewCipher(key[:map[uint16]int{PRGAES128: 16, PRGAES256: 32}[prg]])
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(b, b)
}

// TestMaskerInBlocksGivesTheWholeMask goes through a vector in blocks of any multiple of 1024 words.
func TestMaskerInBlocksGivesTheWholeMask(t *testing.T) {
	const d = 2*stripeWords + 777
	s := newSecrets(t, "s")
	p, err := newSecrets(t, "peer").Public(id("open"), KexX25519)
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range suites() {
		if suite.Kex != KexX25519 {
			continue
		}
		in := Session{Suite: suite, OpenHash: id("open"), SID: id("sid")}
		peers := []PeerKey{{Index: 1, SPK: p.SPK}}
		want := words("x", d)
		got := slices.Clone(want)
		if err := s.Mask(want, in, 0, peers); err != nil {
			t.Fatal(err)
		}
		m, err := s.Masker(in, 0, peers)
		if err != nil {
			t.Fatal(err)
		}
		for from := 0; from < d; {
			n := min(d-from, alignWords*(1+rand.IntN(20)))
			m.Add(got[from:from+n], from)
			from += n
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: blocks differ from the whole", suite)
		}
		m.Zero()
		if m.terms[0] != (Term{}) {
			t.Error("a zeroed masker has keys")
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a block from word 1 passes")
		}
	}()
	NewMasker(plain, nil).Add(make([]uint32, 1), 1)
}

// TestPackedWordsTravel writes and reads words of every width, and takes vectors off again.
func TestPackedWordsTravel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom([]uint16{32, 24, 16}).Draw(t, "bits")
		v := rapid.SliceOfN(rapid.Uint32(), 0, 40).Draw(t, "words")
		b := AppendWords([]byte{9}, v, bits)
		if b[0] != 9 || len(b) != 1+len(v)*int(bits/8) {
			t.Fatalf("%d bytes for %d words of %d bits", len(b)-1, len(v), bits)
		}
		if packed := Pack(slices.Clone(v), bits); !bytes.Equal(packed, b[1:]) {
			t.Fatalf("packed in place: %x, want %x", packed, b[1:])
		}
		got := make([]uint32, len(v))
		if err := DecodeWords(got, b[1:], bits); err != nil {
			t.Fatal(err)
		}
		for i, w := range v {
			if got[i] != w<<(32-bits)>>(32-bits) {
				t.Fatalf("word %d: %x of %x", i, got[i], w)
			}
		}
		back, err := Negated(b[1:], bits)
		if err != nil {
			t.Fatal(err)
		}
		acc := NewAccumulator(Shape{D: len(v), WordBits: bits, PRG: PRGAES128})
		if acc.AddVector(b[1:]) != nil || acc.AddVector(back) != nil {
			t.Fatal("a vector or its negation is refused")
		}
		for i, w := range acc.Sum() {
			if w != 0 {
				t.Fatalf("word %d is %d after it was taken off", i, w)
			}
		}
	})
	if _, err := Negated([]byte{1, 2, 3}, 16); err == nil {
		t.Error("half a word is negated")
	}
}

func TestSignedReadsPackedWords(t *testing.T) {
	for bits, want := range map[uint16][]int32{16: {0, 1, 32767, -32768, -1}, 24: {0, 1, 1<<23 - 1, -1 << 23, -1}} {
		got := Signed([]uint32{0, 1, 1<<(bits-1) - 1, 1 << (bits - 1), 1<<bits - 1}, bits)
		if !slices.Equal(got, want) {
			t.Errorf("%d bits: %v, want %v", bits, got, want)
		}
	}
}

// TestPackedSumIsExactAtItsEdge: with the most devices that Validate allows, all at x_max, and noise of six deviations on top, the sum
// is right. The bound is tight: where it is just missed, the same sum wraps.
func TestPackedSumIsExactAtItsEdge(t *testing.T) {
	const sigmaSq, reach = 49, 6 * 7
	for _, bits := range []uint16{16, 24, 32} {
		for _, xMax := range []uint32{1, 7, 100, 400} {
			g := Grid{C: 1, CInt: 400, XMax: xMax, D: 4, WordBits: bits}
			n := (1<<(bits-1) - 1 - reach) / int(xMax)
			if bits == 32 && xMax < g.CInt || n >= MaxDevices {
				continue // 32-bit words do not clamp, and rosters end before the ring does
			}
			if err := g.Validate(n, sigmaSq); err != nil {
				t.Errorf("%d bits: %v", bits, err)
			}
			if err := g.Validate(n+1, sigmaSq); err == nil {
				t.Errorf("%d bits: %d devices pass", bits, n+1)
			}
			for _, sign := range []int{1, -1} {
				if want, got := sign*(n*int(xMax)+reach), sumOf(t, bits, n, sign*int(xMax), sign*reach); got != want {
					t.Errorf("%d bits: %d devices at %d sum to %d, want %d", bits, n, xMax, got, want)
				}
			}
			if got := sumOf(t, bits, n+1, int(xMax), reach); got > 0 {
				t.Errorf("%d bits: one device more sums to %d and does not wrap: the bound is loose", bits, got)
			}
		}
	}
}

// sumOf adds one word of n devices, and noise, through wire and accumulator.
func sumOf(t *testing.T, bits uint16, n, value, noise int) int {
	t.Helper()
	acc := NewAccumulator(Shape{D: 1, WordBits: bits, PRG: PRGAES128})
	y := AppendWords(nil, []uint32{uint32(value)}, bits)
	for range n {
		if err := acc.AddVector(y); err != nil {
			t.Fatal(err)
		}
	}
	if err := acc.AddVector(AppendWords(nil, []uint32{uint32(noise)}, bits)); err != nil {
		t.Fatal(err)
	}
	return int(Signed(acc.Sum(), bits)[0])
}

// TestPackedExamples are those of secure aggregation 6.5.
func TestPackedExamples(t *testing.T) {
	coarse := Grid{C: 1, CInt: 1000, XMax: 8, D: 1_000_000, WordBits: 16}
	fine := Grid{C: 1, CInt: 8000, XMax: 8000, D: 1_000_000, WordBits: 24}
	for g, sigma := range map[Grid]uint64{coarse: 4000, fine: 32_000} {
		if err := g.Validate(1000, sigma*sigma); err != nil {
			t.Error(err)
		}
	}
	if r, err := coarse.R(); err != nil || r < 860 || r > 862 {
		t.Errorf("R is %v, want 0.86·C_int (%v)", r, err)
	}
}

func TestPackedGridLimits(t *testing.T) {
	good := Grid{C: 1, CInt: 40, XMax: 5, D: 1000, WordBits: 16}
	if err := good.Validate(100, 1600); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]Grid{
		"coarser than √d": {C: 1, CInt: 31, XMax: 5, D: 1000, WordBits: 16}, "x_max above C_int": {C: 1, CInt: 40, XMax: 41, D: 1000, WordBits: 16},
		"x_max 0": {C: 1, CInt: 40, XMax: 0, D: 1000, WordBits: 16}, "20 bits": {C: 1, CInt: 40, XMax: 5, D: 1000, WordBits: 20},
		"32 bits as coarse": {C: 1, CInt: 40, XMax: 40, D: 1000, WordBits: 32}} {
		if err := bad.Validate(100, 1600); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

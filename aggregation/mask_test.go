package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation/ring"
)

// keystream is n words of the mask of a key from crypto/cipher alone.
func keystream(t testing.TB, key []byte, n int) []uint32 {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4*n)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(b, b)
	out := make([]uint32, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

// TestMaskIsAESCTRByteForByte takes lengths around every boundary of the code: block, buffer, stripe.
func TestMaskIsAESCTRByteForByte(t *testing.T) {
	key := key16(source16("key"))
	for _, edge := range []int{1, 4, 8, 2048, stripeWords, 2 * stripeWords, 3*stripeWords + 2048} {
		for d := max(1, edge-5); d <= edge+5; d++ {
			want := keystream(t, key[:16], d)
			got := make([]uint32, d)
			expandAndAdd(ring.Best(), plain, got, 0, []Term{{Key: key}})
			if !slices.Equal(got, want) {
				t.Fatalf("d = %d: the mask differs", d)
			}
			expandAndAdd(ring.Best(), plain, got, 0, []Term{{Key: key, Negative: true}})
			if i := slices.IndexFunc(got, func(w uint32) bool { return w != 0 }); i >= 0 {
				t.Fatalf("d = %d: taken off again, word %d is %d", d, i, got[i])
			}
		}
	}
}

func source16(name string) []byte {
	b := make([]byte, 16)
	_, _ = source(name).Read(b)
	return b
}

// TestPiecesOfAMaskStartAnywhere: a piece that begins at any multiple of 64 words gives that part of the keystream, of whatever
// length.
func TestPiecesOfAMaskStartAnywhere(t *testing.T) {
	key := key16(source16("key"))
	whole := keystream(t, key[:16], 3*stripeWords)
	for from := 0; from < len(whole); from += 64 * 61 {
		for _, n := range []int{1, 2, 3, 5, 4097, stripeWords} {
			n = min(n, len(whole)-from)
			got := make([]uint32, n)
			keys := make([]ring.Key, 1)
			keys[0].Expand(ring.Best(), ring.AES128, &key)
			a := adder{plain, make([]ring.Stream, 1), new(ring.Buffer)}
			a.add(got, from, []Term{{Key: key}}, keys)
			if !slices.Equal(got, whole[from:from+n]) {
				t.Fatalf("words %d to %d differ", from, from+n)
			}
		}
	}
}

// TestLongMasksGoOn takes a vector of more stripes than pieces, so that a stream goes on from one stripe to the next.
func TestLongMasksGoOn(t *testing.T) {
	const d = (maxPieces+1)*stripeWords + 5
	keys := [][32]byte{key16(source16("one")), key16(source16("two"))}
	got, one, two := make([]uint32, d), keystream(t, keys[0][:16], d), keystream(t, keys[1][:16], d)
	expandAndAdd(ring.Best(), plain, got, 0, []Term{{Key: keys[0]}, {Key: keys[1], Negative: true}})
	for i, w := range got {
		if w != one[i]-two[i] {
			t.Fatalf("word %d is %d, want %d", i, w, one[i]-two[i])
		}
	}
}

// TestManyMasksAddUp passes the number of keys that are held at once.
func TestManyMasksAddUp(t *testing.T) {
	const d = 9
	terms := make([]Term, batchTerms+3)
	want := make([]uint32, d)
	for i := range terms {
		terms[i] = Term{Key: key16(source16(fmt.Sprint(i))), Negative: i%3 == 0}
		for j, w := range keystream(t, terms[i].Key[:16], d) {
			if terms[i].Negative {
				w = -w
			}
			want[j] += w
		}
	}
	got := make([]uint32, d)
	expandAndAdd(ring.Best(), plain, got, 0, terms)
	if !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	expandAndAdd(ring.Best(), plain, nil, 0, terms)
	expandAndAdd(ring.Best(), plain, got, 0, nil)
	if !slices.Equal(got, want) {
		t.Fatal("no masks changed the vector")
	}
}

// TestMaskIsItsFormula writes y = x + PRG(K_i) + Σ_{j>i} PRG(K_ij) − Σ_{j<i} PRG(K_ij) out once more.
func TestMaskIsItsFormula(t *testing.T) {
	const n, d = 4, 21
	f := newFederation(t, n, n-1, n, d, nil)
	for i := range n {
		want := slices.Clone(f.x[i])
		add := func(key []byte, sign uint32) {
			for j, w := range keystream(t, key, d) {
				want[j] += sign * w
			}
		}
		self := SelfMask(f.in(), f.secrets[i].b)
		add(self.Key[:16], 1)
		for j := range n {
			if j == i {
				continue
			}
			key, err := pairTerm(f.in(), f.secrets[i].m, uint32(i), f.peer(i, j))
			if err != nil {
				t.Fatal(err)
			}
			if j > i {
				add(key[:16], 1)
			} else {
				add(key[:16], ^uint32(0))
			}
		}
		if !slices.Equal(f.y[i], want) {
			t.Errorf("member %d: the masked vector differs", i)
		}
	}
}

func TestMaskRefusesNeighboursThatCannotBe(t *testing.T) {
	f := newFederation(t, 3, 2, 3, 4, nil)
	for name, peers := range map[string][]PeerKey{
		"twice":  {{Index: 1, SPK: f.public[1].SPK}, {Index: 2, SPK: f.public[2].SPK}, {Index: 1, SPK: f.public[1].SPK}},
		"itself": {{Index: 0, SPK: f.public[0].SPK}},
	} {
		x := []uint32{1, 2, 3, 4}
		err := f.secrets[0].Mask(x, within(f.open, f.sid), 0, peers)
		if err == nil || !strings.Contains(err.Error(), "neighbour") || !slices.Equal(x, []uint32{1, 2, 3, 4}) {
			t.Errorf("%s: %v, vector %v", name, err, x)
		}
	}
	if _, err := PairMasks(f.in(), f.secrets[1].m, 1, PeerKey{Index: 1, SPK: f.public[1].SPK}); err == nil {
		t.Error("a pair mask with itself")
	}
}

// TestMaskingAllocatesNothingByTheWord: sixteen times the words, and as many allocations, but for a goroutine's. Levels that take AES
// from the library are left out: it makes a stream for each key and piece.
func TestMaskingAllocatesNothingByTheWord(t *testing.T) {
	terms := make([]Term, 24)
	for i := range terms {
		terms[i].Key = key16(source16(fmt.Sprint(i)))
	}
	for _, l := range ring.Levels() {
		if l != ring.VAES && l != ring.AVX512VAES {
			continue
		}
		for _, suite := range suites() {
			few, many := make([]uint32, 1<<14), make([]uint32, 1<<18)
			least := testing.AllocsPerRun(3, func() { expandAndAdd(l, suite, few, 0, terms) })
			most := testing.AllocsPerRun(3, func() { expandAndAdd(l, suite, many, 0, terms) })
			if most > least+20 {
				t.Errorf("%v at %v: %v allocations for few words, %v for many", suite, l, least, most)
			}
		}
	}
}

// TestMaskNeedsLittleBesideTheVector: with many neighbours and a vector of 16 MiB, everything that masking takes from the heap from
// its beginning to its end, collected or not, is a small part of the vector: at its peak it is far below three times.
func TestMaskNeedsLittleBesideTheVector(t *testing.T) {
	const d, neighbours = 1 << 22, 128
	p, err := newSecrets(t, "peer").Public(id("open"), KexX25519)
	if err != nil {
		t.Fatal(err)
	}
	var peers []PeerKey
	for i := range uint32(neighbours) {
		peers = append(peers, PeerKey{Index: i + 1, SPK: p.SPK})
	}
	s, x := newSecrets(t, "own"), make([]uint32, d)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s.Mask(x, within(id("open"), id("sid")), 0, peers); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 4*d {
		t.Errorf("masking took %d bytes beside a vector of %d", took, 4*d)
	} else {
		t.Logf("%.2f of the vector", float64(took)/(4*d))
	}
}

package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
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
	for _, edge := range []int{1, 4, 8, blockWords, stripeWords, 2 * stripeWords, 3*stripeWords + blockWords} {
		for d := max(1, edge-5); d <= edge+5; d++ {
			want := keystream(t, key[:16], d)
			got := make([]uint32, d)
			expandAndAdd(plain, got, 0, []Term{{Key: key}})
			if !slices.Equal(got, want) {
				t.Fatalf("d = %d: the mask differs", d)
			}
			expandAndAdd(plain, got, 0, []Term{{Key: key, Negative: true}})
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

// TestStripesOfAMaskStartAnywhere: a stripe that begins at any multiple of the AES block gives that part of the keystream,
// of whatever length.
func TestStripesOfAMaskStartAnywhere(t *testing.T) {
	key := key16(source16("key"))
	whole := keystream(t, key[:16], 3*stripeWords)
	for from := 0; from < len(whole); from += 4 * 997 {
		for _, n := range []int{1, 2, 3, 5, 4097, stripeWords} {
			n = min(n, len(whole)-from)
			got := make([]uint32, n)
			addStripe(plain, got, from, []Term{{Key: key}}, []generator{newGenerator(PRGAES128, &key)}, make([]byte, 4*blockWords))
			if !slices.Equal(got, whole[from:from+n]) {
				t.Fatalf("words %d to %d differ", from, from+n)
			}
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
	expandAndAdd(plain, got, 0, terms)
	if !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	expandAndAdd(plain, nil, 0, terms)
	expandAndAdd(plain, got, 0, nil)
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
	if _, err := PairMask(f.in(), f.secrets[1].m, 1, PeerKey{Index: 1, SPK: f.public[1].SPK}); err == nil {
		t.Error("a pair mask with itself")
	}
}

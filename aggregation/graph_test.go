package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"testing"
)

// slowRing derives the ring of section 5.7 once more: big integers, one block of keystream at a time, and neighbours by the
// distance on the circle.
func slowRing(t testing.TB, n int, seed [32]byte) []int {
	t.Helper()
	block, err := aes.NewCipher(slowHKDF(seed[:], nil, []byte("cinesync/csa1/perm\x00"), 32))
	if err != nil {
		t.Fatal(err)
	}
	stream := cipher.NewCTR(block, make([]byte, 16))
	two64 := new(big.Int).Lsh(big.NewInt(1), 64)
	draw := func(m int64) int {
		least := new(big.Int).Mod(two64, big.NewInt(m)) // products whose low half is below this are rejected
		for {
			var b [8]byte
			stream.XORKeyStream(b[:], b[:])
			product := new(big.Int).SetUint64(binary.LittleEndian.Uint64(b[:]))
			product.Mul(product, big.NewInt(m))
			high, low := new(big.Int).DivMod(product, two64, new(big.Int))
			if low.Cmp(least) >= 0 {
				return int(high.Int64())
			}
		}
	}
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	for r := n - 1; r >= 1; r-- {
		j := draw(int64(r + 1))
		at[r], at[j] = at[j], at[r]
	}
	return at
}

func TestRingEqualsSlowDerivation(t *testing.T) {
	for _, c := range []struct{ n, k int }{{3, 2}, {4, 2}, {5, 4}, {24, 23}, {63, 62}, {64, 20}, {65, 64}, {200, 56}, {1000, 6}} {
		seed := id(fmt.Sprint("seed", c.n))
		ring, err := NewRing(c.n, 1, c.k, seed)
		if err != nil {
			t.Fatal(err)
		}
		at := slowRing(t, c.n, seed)
		for p, i := range at {
			if ring.Position(i) != p || ring.ShareX(i) != uint32(p+1) {
				t.Fatalf("n = %d: device %d is at %d, want %d", c.n, i, ring.Position(i), p)
			}
			var want []int
			for q := 1; q < c.n; q++ { // upwards from p; the distance is the shorter way round
				if min(q, c.n-q) <= (c.k+1)/2 {
					want = append(want, at[(p+q)%c.n])
				}
			}
			if got := ring.Neighbours(i); !slices.Equal(got, want) {
				t.Fatalf("n = %d, k = %d: neighbours of %d: %v, want %v", c.n, c.k, i, got, want)
			}
		}
	}
}

func TestNeighboursAreSymmetricAndConnected(t *testing.T) {
	for _, c := range []struct{ n, k int }{{3, 2}, {9, 8}, {10, 2}, {70, 22}, {128, 38}} {
		ring, err := NewRing(c.n, 1, c.k, id("seed"))
		if err != nil {
			t.Fatal(err)
		}
		near := make([]map[int]bool, c.n)
		for i := range near {
			near[i] = map[int]bool{}
			for _, j := range ring.Neighbours(i) {
				if j == i || j < 0 || j >= c.n || near[i][j] {
					t.Fatalf("n = %d: neighbour %d of %d", c.n, j, i)
				}
				near[i][j] = true
			}
			if len(near[i]) != c.k {
				t.Fatalf("n = %d: %d has %d neighbours, want %d", c.n, i, len(near[i]), c.k)
			}
		}
		for i := range near {
			for j := range near[i] {
				if !near[j][i] {
					t.Fatalf("n = %d: %d is a neighbour of %d and not the other way round", c.n, j, i)
				}
			}
		}
		// Connected even when k/2 − 1 devices in a row are gone.
		gone := map[int]bool{}
		for p := range max(0, c.k/2-1) {
			gone[slices.Index(positionsOf(ring, c.n), p)] = true
		}
		if reached := reach(near, gone); reached != c.n-len(gone) {
			t.Errorf("n = %d, k = %d: %d of %d reached", c.n, c.k, reached, c.n-len(gone))
		}
	}
}

func positionsOf(r *Ring, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = r.Position(i)
	}
	return out
}

// reach counts the devices that can be reached from the first that is not gone.
func reach(near []map[int]bool, gone map[int]bool) int {
	seen := map[int]bool{}
	var todo []int
	for i := range near {
		if !gone[i] {
			todo = append(todo, i)
			break
		}
	}
	for len(todo) > 0 {
		i := todo[0]
		todo = todo[1:]
		if seen[i] || gone[i] {
			continue
		}
		seen[i] = true
		for j := range near[i] {
			todo = append(todo, j)
		}
	}
	return len(seen)
}

// TestSeedsDrawOtherRings: one bit of the seed moves most devices.
func TestSeedsDrawOtherRings(t *testing.T) {
	const n = 100
	seed := id("seed")
	a, err := NewRing(n, 1, 10, seed)
	if err != nil {
		t.Fatal(err)
	}
	seed[31] ^= 1
	b, err := NewRing(n, 1, 10, seed)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range n {
		if a.Position(i) == b.Position(i) {
			same++
		}
	}
	if same > 8 { // one is expected
		t.Errorf("%d of %d devices stand where they stood", same, n)
	}
}

func TestRingRefuses(t *testing.T) {
	for _, c := range []struct{ n, k int }{{0, 0}, {1, 0}, {2, 1}, {-5, 2}, {MaxDevices + 1, 4}, {10, 0}, {10, 1}, {10, 3}, {10, 10}, {10, -2}, {11, 11}, {1 << 40, 4}} {
		if r, err := NewRing(c.n, 1, c.k, id("seed")); err == nil || r != nil {
			t.Errorf("n = %d, k = %d: accepted", c.n, c.k)
		}
	}
}

// TestBelowRejectsWhatWouldBiasIt takes a bound just above 2^63, where half of all words are rejected.
func TestBelowRejectsWhatWouldBiasIt(t *testing.T) {
	const m = 1<<63 + 1
	b := newBelow(make([]byte, 32))
	words := 0
	low := 0
	for range 1000 {
		before := b.rest
		v := b.below(m)
		if v >= m {
			t.Fatalf("%d is not below %d", v, uint64(m))
		}
		if v < m/2 {
			low++
		}
		words += (len(before) - len(b.rest) + len(b.buf)) % len(b.buf) / 8
	}
	if words < 1500 {
		t.Errorf("%d words for 1000 draws: nothing was rejected", words)
	}
	if low < 400 || low > 600 {
		t.Errorf("%d of 1000 draws lie in the lower half", low)
	}
}

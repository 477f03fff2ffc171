package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// CosignatureSize is the bytes of a witness's cosignature as it enters the seed: key id 4, time 8, signature 64.
const CosignatureSize = 76

// GraphSeed decides who is whose neighbour: a hash of what was logged before, so that it is fixed once the roster is. With
// the witnesses' cosignatures of the tree that holds the roster, in policy order, a coordinator can only draw again and again,
// which λ = 80 bears; without any (modes SM and SH) it can try rosters until one suits, which is why those modes claim no
// more (secure aggregation 5.6). It panics on a cosignature of another size, which is a bug.
func GraphSeed(openHash, rosterHash [32]byte, cosignatures ...[]byte) [32]byte {
	parts := [][]byte{openHash[:], rosterHash[:]}
	for _, c := range cosignatures {
		if len(c) != CosignatureSize {
			panic(fmt.Sprintf("aggregation: cosignature of %d bytes, want %d", len(c), CosignatureSize))
		}
		parts = append(parts, c)
	}
	return hash("graph", parts...)
}

// MaxCohorts bounds the blocks that a roster is cut into.
const MaxCohorts = 32

// Ring is the neighbour graph: the roster in a random circular order, cut into equal cohorts, each a ring of its own in which
// a device is a neighbour of the K/2 before and the K/2 after it (a Harary graph), or of all others in the complete graph.
// Its methods take roster indices below n and cohorts below their number; one from outside is checked by the caller.
type Ring struct {
	k, size   int   // size of a cohort
	at        []int // index of the device at each place of the whole order
	positions []int // place of each device
}

// NewRing orders n devices by the seed and cuts the order into cohorts, n being a multiple of their number. k is even and
// below n/cohorts − 1, or exactly that for complete graphs. Same arguments, same ring.
func NewRing(n, cohorts, k int, seed [32]byte) (*Ring, error) {
	if n < MinDevices || n > MaxDevices {
		return nil, fmt.Errorf("draw ring: %d devices, want %d to %d", n, MinDevices, MaxDevices)
	}
	size, err := cohortSize(n, cohorts)
	if err != nil {
		return nil, fmt.Errorf("draw ring: %w", err)
	}
	if k != size-1 && (k < 2 || k >= size-1 || k%2 != 0) {
		return nil, fmt.Errorf("draw ring: degree %d in a ring of %d devices, want an even number from 2 to %d, or %d", k, size, size-2, size-1)
	}
	r := &Ring{k: k, size: size, at: make([]int, n), positions: make([]int, n)}
	for i := range r.at {
		r.at[i] = i
	}
	draw := newBelow(kdf(seed[:], "perm", nil, 32))
	for i := n - 1; i >= 1; i-- {
		j := draw.below(uint64(i + 1))
		r.at[i], r.at[j] = r.at[j], r.at[i]
	}
	for p, i := range r.at {
		r.positions[i] = p
	}
	return r, nil
}

// cohortSize is n/cohorts, where n devices can be cut so.
func cohortSize(n, cohorts int) (int, error) {
	switch {
	case cohorts < 1 || cohorts > MaxCohorts:
		return 0, fmt.Errorf("%d cohorts, want 1 to %d", cohorts, MaxCohorts)
	case n%cohorts != 0:
		return 0, fmt.Errorf("%d devices cannot be cut into %d equal cohorts", n, cohorts)
	case n/cohorts < MinDevices:
		return 0, fmt.Errorf("%d devices in %d cohorts are %d each, want at least %d", n, cohorts, n/cohorts, MinDevices)
	}
	return n / cohorts, nil
}

// Cohort is the block that the device with this roster index belongs to.
func (r *Ring) Cohort(index int) int { return r.positions[index] / r.size }

// Members lists a cohort's roster indices in ascending order.
func (r *Ring) Members(cohort int) []int {
	out := slices.Clone(r.at[cohort*r.size : (cohort+1)*r.size])
	slices.Sort(out)
	return out
}

// Position is where on its cohort's ring the device with this roster index stands, from 0.
func (r *Ring) Position(index int) int { return r.positions[index] % r.size }

// ShareX is the x coordinate of the shares that this device holds: its position + 1, so that x is never 0.
func (r *Ring) ShareX(index int) uint32 { return uint32(r.Position(index)) + 1 }

// Neighbours lists the roster indices of a device's K neighbours in ring order: from its own position r upwards around its
// cohort's ring of n, r+1, r+2, …, r+K/2, then r−K/2, …, r−1, all mod n. The complete graph follows the same rule: r+1, …,
// r+n−1 mod n. Messages with one item per neighbour use this order.
func (r *Ring) Neighbours(index int) []int {
	n, p := r.size, r.Position(index)
	ring := r.at[r.Cohort(index)*n:]
	after := r.k / 2
	if r.k == n-1 {
		after = n - 1
	}
	out := make([]int, 0, r.k)
	for o := 1; o <= after; o++ {
		out = append(out, ring[(p+o)%n])
	}
	for o := r.k - after; o >= 1; o-- {
		out = append(out, ring[(p+n-o)%n])
	}
	return out
}

// below draws uniform integers from the AES-256-CTR keystream of a key (zero IV, little-endian 64-bit words) by multiply and
// reject (Lemire, arXiv 1805.10941), as secure aggregation 5.7 fixes it: both ends must draw the same ring.
type below struct {
	stream cipher.Stream
	buf    [512]byte
	rest   []byte
}

func newBelow(key []byte) *below {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("aggregation: draw ring: " + err.Error()) // only for a wrong key size
	}
	return &below{stream: cipher.NewCTR(block, make([]byte, aes.BlockSize))}
}

func (b *below) word() uint64 {
	if len(b.rest) == 0 {
		clear(b.buf[:])
		b.stream.XORKeyStream(b.buf[:], b.buf[:])
		b.rest = b.buf[:]
	}
	w := binary.LittleEndian.Uint64(b.rest)
	b.rest = b.rest[8:]
	return w
}

// below is uniform in [0, m), m ≥ 1.
func (b *below) below(m uint64) uint64 {
	hi, lo := bits.Mul64(b.word(), m)
	if lo < m {
		for reject := -m % m; lo < reject; {
			hi, lo = bits.Mul64(b.word(), m)
		}
	}
	return hi
}

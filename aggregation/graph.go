package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// GraphSeed decides who is whose neighbour, in modes SM and SH: a hash of what was logged before, so that it is fixed once
// the roster is. A dishonest coordinator can try rosters until one suits, which is why these modes claim no more (design:
// secure aggregation 5.6).
func GraphSeed(openHash, rosterHash [32]byte) [32]byte {
	return hash("graph", openHash[:], rosterHash[:])
}

// Ring is the neighbour graph: the roster in a random circular order, each device a neighbour of the K/2 before and the K/2
// after it (a Harary graph), or of all others in the complete graph. Its methods take roster indices below n; an index from
// outside is checked by the caller.
type Ring struct {
	k         int
	at        []int // index of the device at each position
	positions []int // position of each device
}

// NewRing orders n devices by the seed. k is even and below n−1, or n−1 for the complete graph. Same arguments, same ring.
func NewRing(n, k int, seed [32]byte) (*Ring, error) {
	if n < MinDevices || n > MaxDevices {
		return nil, fmt.Errorf("draw ring: %d devices, want %d to %d", n, MinDevices, MaxDevices)
	}
	if k != n-1 && (k < 2 || k >= n-1 || k%2 != 0) {
		return nil, fmt.Errorf("draw ring: degree %d with %d devices, want an even number from 2 to %d, or %d", k, n, n-2, n-1)
	}
	r := &Ring{k: k, at: make([]int, n), positions: make([]int, n)}
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

// Position is where on the ring the device with this roster index stands, 0 to n−1.
func (r *Ring) Position(index int) int { return r.positions[index] }

// ShareX is the x coordinate of the shares that this device holds: its position + 1, so that x is never 0.
func (r *Ring) ShareX(index int) uint32 { return uint32(r.positions[index]) + 1 }

// Neighbours lists the roster indices of a device's K neighbours in ring order: from its own position r upwards around the
// ring, r+1, r+2, …, r+K/2, then r−K/2, …, r−1, all mod n. The complete graph follows the same rule: r+1, …, r+n−1 mod n.
// Messages with one item per neighbour use this order.
func (r *Ring) Neighbours(index int) []int {
	n, p := len(r.at), r.positions[index]
	after := r.k / 2
	if r.k == n-1 {
		after = n - 1
	}
	out := make([]int, 0, r.k)
	for o := 1; o <= after; o++ {
		out = append(out, r.at[(p+o)%n])
	}
	for o := r.k - after; o >= 1; o-- {
		out = append(out, r.at[(p+n-o)%n])
	}
	return out
}

// below draws uniform integers from the AES-256-CTR keystream of a key (zero IV, little-endian 64-bit words) by multiply and
// reject (Lemire, arXiv 1805.10941), as design: secure aggregation 5.7 fixes it: both ends must draw the same ring.
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

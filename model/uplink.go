package model

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/cinesync/cinesync/model/kernel"
)

// Uplink is the form in which updates of one round travel. Where the local function names a rank r below the width d, the update G
// (items × d) of the item vectors is sent as G·Q (items × r), and the decoded mean M of those comes back as M·Qᵀ (items × d). The columns
// of Q (d × r) are orthonormal, so the way there and back is the projection of every row on a subspace that is the round's own
// (docs/spec/snapshot.md 8; random subspaces as in Konečný et al. 2016, "Federated Learning: Strategies for Improving Communication
// Efficiency", section 2). Both ways are linear: sums, masks and noise do not change. All other tensors travel as they are.
//
// Frozen tensors, whose clip-group factor is 0, do not travel, and come back as zeros.
type Uplink struct {
	parts       []uplinkPart
	size, words int
	dim, rank   int
	q           []float32 // dim × rank, row-major
}

// uplinkPart is one tensor: where it lies in an update and in what travels.
type uplinkPart struct {
	at, size   int
	from, sent int
}

// maxUplinkRank bounds what a local function may ask for: the basis takes about d·r² operations to make.
const maxUplinkRank = 256

// NewUplink is for updates on this layout, of a round whose model file has the SHA-256 start. A rank of 0, or not below the width, sends
// the item vectors whole.
func NewUplink(layout Layout, rank uint32, start [32]byte) *Uplink {
	u := measureUplink(layout, rank)
	if u.rank < u.dim {
		u.q = subspace(u.dim, u.rank, start)
	}
	return u
}

// measureUplink lays the parts out, without the basis.
func measureUplink(layout Layout, rank uint32) *Uplink {
	u := &Uplink{size: layout.Size(), dim: layout.Dim, rank: layout.Dim}
	if rank > 0 && int64(rank) < int64(layout.Dim) {
		u.rank = int(rank)
	}
	at := 0
	for _, t := range layout.Tensors {
		p := uplinkPart{at: at, size: t.Size(), from: u.words, sent: t.Size()}
		at += t.Size()
		if t.Group == 0 {
			continue
		}
		if t.Name == "v" {
			p.sent = t.Size() / u.dim * u.rank
		}
		u.words += p.sent
		u.parts = append(u.parts, p)
	}
	return u
}

// uplinkWords is the number of coordinates that NewUplink's form of an update has.
func uplinkWords(layout Layout, rank uint32) int { return measureUplink(layout, rank).words }

// Words is the number of coordinates that travel.
func (u *Uplink) Words() int { return u.words }

// Shrink writes the form of update (Layout.Size values) that travels to dst (Words values). The two do not overlap.
func (u *Uplink) Shrink(dst, update []float32) {
	for _, p := range u.parts {
		in, out := update[p.at:p.at+p.size], dst[p.from:p.from+p.sent]
		if p.sent == p.size {
			copy(out, in)
		} else {
			kernel.NN(out, in, u.q, p.size/u.dim, u.rank, u.dim)
		}
	}
}

// Grow writes the update (Layout.Size values) that a mean of what travelled (Words values) stands for to dst. The two do not overlap.
func (u *Uplink) Grow(dst, mean []float32) {
	clear(dst[:u.size])
	for _, p := range u.parts {
		out, in := dst[p.at:p.at+p.size], mean[p.from:p.from+p.sent]
		if p.sent == p.size {
			copy(out, in)
		} else {
			kernel.NT(out, in, u.q, p.size/u.dim, u.dim, u.rank)
		}
	}
}

// subspace makes Q (d × r, row-major). It must be the same on every machine: the entries it begins with are integers, and every operation
// of Gram-Schmidt is rounded by itself.
func subspace(d, r int, start [32]byte) []float32 {
	draw := integers{start: start}
	q := make([]float64, 0, d*r) // column after column
	for len(q) < d*r {
		column := make([]float64, d)
		for i := range column {
			column[i] = float64(draw.next())
		}
		before := innerProduct(column, column)
		for range 2 { // once more, for what rounding left of the columns before (Giraud et al. 2005, "twice is enough")
			for k := 0; k < len(q); k += d {
				c := innerProduct(column, q[k:k+d])
				for i, v := range q[k : k+d] {
					column[i] -= float64(c * v)
				}
			}
		}
		after := innerProduct(column, column)
		if !(after > 1e-6*before) {
			continue // hardly anything of it is new: the next one
		}
		length := math.Sqrt(after)
		for _, v := range column {
			q = append(q, v/length)
		}
	}
	out := make([]float32, d*r)
	for i := range d {
		for k := range r {
			out[i*r+k] = float32(q[k*d+i])
		}
	}
	return out
}

func innerProduct(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(v * b[i]) // the conversion forbids a fused multiply-add
	}
	return sum
}

// integers draws from a binomial distribution of mean 0 and variance 16, which is near a Gaussian: the bits that are set in 64 of
// SHA-256(label ‖ start ‖ u32 counter), less 32. A subspace of such columns has all but no preferred direction.
type integers struct {
	start [32]byte
	count uint32
	block []byte
}

func (s *integers) next() int {
	if len(s.block) == 0 {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(append([]byte("cinesync/csa1/subspace\x00"), s.start[:]...), s.count))
		s.count++
		s.block = sum[:]
	}
	n := bits.OnesCount64(binary.BigEndian.Uint64(s.block))
	s.block = s.block[8:]
	return n - 32
}

package model

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/model/kernel"
)

// Because finds the watched title that speaks most for a recommended one. For the two-tower that is arithmetic: the score is a sum over the
// history and the bias, and Shares takes it apart. The other families have no such sum; there it is the watched title whose item vector
// points most nearly the same way, which is a likeness and not a part of the score.
type Because struct {
	layout  Layout
	params  []float32
	history []Example
	pooling [][]float32 // by channel and place; nil for families without shares
}

// NewBecause prepares for one history, which has at least one title.
func NewBecause(s *Snapshot, history []Example) (*Because, error) {
	if err := checkHistory(s.Layout, s.Params, history); err != nil {
		return nil, fmt.Errorf("because: %w", err)
	}
	b := &Because{layout: s.Layout, params: s.Params, history: history}
	if s.Layout.Family == TwoTowerFamily {
		b.pooling = Pooling(s.Layout.Ages, len(history))
	}
	return b, nil
}

// Shares takes the score of an item apart: one share a place of the history, and the rest, which is the item's bias and speaks for it to
// everybody. Together they are the score. nil where the family has no such sum.
func (b *Because) Shares(item int) (shares []float64, rest float64) {
	if b.pooling == nil {
		return nil, 0
	}
	d := b.layout.Dim
	v, w := b.layout.tensor(b.params, "v"), b.layout.tensor(b.params, "w")
	shares = make([]float64, len(b.history))
	side := make([]float32, d)
	for c, weights := range b.pooling {
		// z·V[i] = Σ_c Σ_j w_c(j) V[j]ᵀ (W_c V[i])
		kernel.NT(side, v[item*d:(item+1)*d], w[c*d*d:(c+1)*d*d], 1, d, d)
		for j, e := range b.history {
			if weights[j] != 0 {
				shares[j] += float64(weights[j]) * float64(kernel.Dot(v[e.Item*d:(e.Item+1)*d], side))
			}
		}
	}
	return shares, float64(b.layout.tensor(b.params, "b")[item])
}

// Place is the place in the history of the title that speaks most for an item; of equal ones the newest. It is false where none speaks
// for it: what is listed for its bias alone is listed because of nothing that was watched.
func (b *Because) Place(item int) (place int, ok bool) {
	shares, _ := b.Shares(item)
	if b.pooling == nil {
		shares = b.likeness(item)
	}
	best := 0.0
	for j, s := range shares {
		if s > 0 && s >= best {
			best, place, ok = s, j, true
		}
	}
	return place, ok
}

// likeness is the cosine of the item's vector with those of the history, 0 where one has no length.
func (b *Because) likeness(item int) []float64 {
	d := b.layout.Dim
	v := b.layout.tensor(b.params, "v")
	row := func(i int) []float32 { return v[i*d : (i+1)*d] }
	own := kernel.SumSquares(row(item))
	out := make([]float64, len(b.history))
	for j, e := range b.history {
		if norm := math.Sqrt(own * kernel.SumSquares(row(e.Item))); norm > 0 {
			out[j] = float64(kernel.Dot(row(item), row(e.Item))) / norm
		}
	}
	return out
}

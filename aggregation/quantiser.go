package aggregation

import (
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/cinesync/cinesync/internal/lanes"
)

// Quantiser adds quantised updates to a sum in the clear: what masks, ring and unmasking come to, for whoever holds all updates anyway.
// It is a workspace, and not for concurrent use.
type Quantiser struct {
	rounder
	out [roundWords]int32
}

// NewQuantiser makes one for a grid.
func NewQuantiser(g Grid) (*Quantiser, error) {
	r, err := newRounder(g)
	if err != nil {
		return nil, fmt.Errorf("quantise: %w", err)
	}
	return &Quantiser{rounder: *r}, nil
}

// Add adds to sum exactly the integers that Grid.Quantise gives for a clipped update (privacy.Clip) and the same coins. Both have d words.
// A sum of as many updates as Grid.Validate was asked about does not overflow. Nothing is allocated but the cipher of the coins (1 KiB). On an
// error sum is unchanged.
func (q *Quantiser) Add(sum []int32, clipped []float32, coins io.Reader) error {
	if len(clipped) != q.g.D || len(sum) != q.g.D {
		return fmt.Errorf("quantise: update of %d words and sum of %d, want %d", len(clipped), len(sum), q.g.D)
	}
	if err := q.add(sum, clipped, keyed{coins}); err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	return nil
}

// add makes roundings until one is within the bound.
func (q *Quantiser) add(sum []int32, clipped []float32, coins draws) error {
	for range 1 + redraws {
		drawn, err := coins.next()
		if err != nil {
			return err
		}
		if within, err := q.once(sum, clipped, drawn.stream); err != nil || within {
			return err
		}
	}
	if within, err := q.once(sum, clipped, truncated); err != nil || within {
		return err
	}
	return ErrQuantise
}

// truncated stands for no coins.
func truncated() cipher.Stream { return nil }

// once adds one rounding. One that is beyond the bound or fails is taken off the sum again, with the same coins.
func (q *Quantiser) once(sum []int32, clipped []float32, coins func() cipher.Stream) (within bool, err error) {
	left, stream := q.whole(), coins()
	for from := 0; from < len(sum); from += roundWords {
		to := min(len(sum), from+roundWords)
		x := q.out[:to-from]
		small, err := q.rounded(x, clipped[from:to], from, stream)
		if err == nil {
			left, within = spend(left, x, small)
		}
		if err != nil || !within {
			q.takeOff(sum[:from], clipped, coins())
			return false, err
		}
		lanes.Add(sum[from:to], x)
	}
	return true, nil
}

// takeOff subtracts what once has added.
func (q *Quantiser) takeOff(sum []int32, clipped []float32, coins cipher.Stream) {
	for from := 0; from < len(sum); from += roundWords { // sum ends with a block
		x := q.out[:roundWords]
		if _, err := q.rounded(x, clipped[from:from+roundWords], from, coins); err != nil {
			panic("aggregation: round again what was rounded: " + err.Error()) // the same words were numbers
		}
		lanes.Sub(sum[from:from+roundWords], x)
	}
}

package rank

import (
	"errors"
	"fmt"
)

// MaxBatch is the most queries of a batch.
const MaxBatch = 1 << 12

// Finder lists the best titles of a table for many queries at once. The list of a query q is what Table.Score says, on every backend
// to the last bit: of the titles that no mask bars, the N best by score, and of equal scores the lower row first; fewer where fewer
// are left. Scores that are infinite are listed as such.
type Finder interface {
	// Find gives a list for each query, in their order. It keeps nothing of the batch. It may be called from several goroutines.
	// After an error no list is given. Where the error is ErrRoom, the finder is as before, and a later call may do; after any other
	// it is of no more use.
	Find(b Batch) ([][]Item, error)
	// Close gives back what the finder holds. No call of Find may be under way, and none may follow.
	Close() error
}

// Open makes a finder of a table, which the finder may keep.
type Open func(t *Table) (Finder, error)

// Batch is queries that are answered together.
type Batch struct {
	Queries []float32 // queries × dim, query by query; finite
	N       int       // titles wanted for each, 1 to MaxN
	Barred  Mask      // titles that no list of the batch holds; nil bars none
	Each    []Mask    // nil, or one mask a query: titles that its list does not hold; nil bars none
}

// Mask is a set of titles that are barred: title i is bit i mod 64 of word i/64. It has MaskWords words; bits behind the last title
// count for nothing.
type Mask []uint64

// MaskWords is the length of a mask over titles.
func MaskWords(titles int) int { return (titles + 63) / 64 }

// NewMask bars the rows of the lists, each below titles.
func NewMask(titles int, lists ...[]int) (Mask, error) {
	m := make(Mask, MaskWords(titles))
	for _, rows := range lists {
		for _, i := range rows {
			if i < 0 || i >= titles {
				return nil, fmt.Errorf("row %d of a model with %d titles", i, titles)
			}
			m[i/64] |= 1 << (i % 64)
		}
	}
	return m, nil
}

// Add bars what another mask of as many words bars; nil bars none.
func (m Mask) Add(other Mask) error {
	if other != nil && len(other) != len(m) {
		return fmt.Errorf("a mask of %d words beside one of %d", len(other), len(m))
	}
	for i, word := range other {
		m[i] |= word
	}
	return nil
}

// Has tells whether a row is barred; a nil mask bars none.
func (m Mask) Has(row int) bool { return m != nil && m[row/64]>>(row%64)&1 == 1 }

// Size is how many queries a batch has, for a table; the error is what is wrong with the batch. Every backend asks it first.
func (b Batch) Size(t *Table) (int, error) {
	n := len(b.Queries) / t.dim
	switch {
	case b.N < 1 || b.N > MaxN:
		return 0, fmt.Errorf("n is %d, want 1 to %d", b.N, MaxN)
	case len(b.Queries)%t.dim != 0 || n < 1 || n > MaxBatch:
		return 0, fmt.Errorf("%d numbers in queries of width %d, want 1 to %d whole queries", len(b.Queries), t.dim, MaxBatch)
	case b.Each != nil && len(b.Each) != n:
		return 0, fmt.Errorf("%d masks for %d queries, want one a query or none", len(b.Each), n)
	}
	if i := firstEndless(b.Queries); i >= 0 {
		return 0, fmt.Errorf("query %d: number %d is %v: %w", i/t.dim, i%t.dim, b.Queries[i], ErrQuery)
	}
	want := MaskWords(t.Titles())
	if b.Barred != nil && len(b.Barred) != want {
		return 0, fmt.Errorf("the mask has %d words, want %d for %d titles", len(b.Barred), want, t.Titles())
	}
	for i, m := range b.Each {
		if m != nil && len(m) != want {
			return 0, fmt.Errorf("query %d: the mask has %d words, want %d for %d titles", i, len(m), want, t.Titles())
		}
	}
	return n, nil
}

// ErrRoom says that a finder has no memory for a batch, for now.
var ErrRoom = errors.New("no room for this batch now")

// ErrQuery says that a query has a number that is not finite.
var ErrQuery = errors.New("not a finite number")

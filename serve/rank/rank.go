// Package rank chooses a short list, from scores or from vectors.
//
// Owns: the exact choice of the best titles, what is never listed, the chain of rankers behind it; what a score of a query and a
// vector is, and what every backend that finds by vectors must give.
// Promises: the same query gives the same list, on every backend and on any number of cores; nothing seen or barred is listed;
// nothing is listed twice.
// Never: knows a title's name or a model's family, keeps state between queries.
// Start here: Pipeline.Run, for scores; Finder, for vectors.
package rank

import (
	"errors"
	"fmt"
)

// MaxN is the most titles a list may hold (design: product 7).
const MaxN = 100

// ErrScore says that a score is not a finite number: the model is unusable.
var ErrScore = errors.New("score is not a finite number")

// Item is one place of a list: the title's row in the model's layout, and its score.
type Item struct {
	Index int
	Score float32
}

// Query is what one list must obey.
type Query struct {
	N      int   // titles wanted, 1 to MaxN
	Seen   []int // rows never listed: what the person has seen
	Barred Mask  // titles that this list may not hold: without a name, or of the other kind; nil bars none
}

// Ranker reorders or thins out a pool of candidates. It may not add one. The pool is its own to change.
type Ranker interface {
	Rank(q Query, pool []Item) []Item
}

// Pipeline is exact choice by score, then rankers in order.
type Pipeline struct {
	Rankers []Ranker
	Pool    int // candidates that the rankers get, at least the N of the query; 0 means exactly N
}

// Run lists at most q.N titles for scores, one score a row of the layout. Equal scores stand in the order of rows.
func (p Pipeline) Run(scores []float32, q Query) ([]Item, error) {
	n, err := p.Wanted(q)
	if err != nil {
		return nil, err
	}
	barred, err := NewMask(len(scores), q.Seen)
	if err != nil {
		return nil, err
	}
	if err := barred.Add(q.Barred); err != nil {
		return nil, err
	}
	pool, err := Top(scores, n, barred)
	if err != nil {
		return nil, err
	}
	return p.Choose(pool, q)
}

// Wanted is how many candidates Choose needs for a query; the error is a wrong N.
func (p Pipeline) Wanted(q Query) (int, error) {
	if q.N < 1 || q.N > MaxN {
		return 0, fmt.Errorf("n is %d, want 1 to %d", q.N, MaxN)
	}
	return max(q.N, p.Pool), nil
}

// Choose lists at most q.N titles of a pool, which are the best titles that the query and the pipeline do not bar, best first: the
// rankers have their turn. The pool is theirs to change.
func (p Pipeline) Choose(pool []Item, q Query) ([]Item, error) {
	allowed := make(map[int]bool, len(pool))
	for _, it := range pool {
		if it.Score-it.Score != 0 {
			return nil, fmt.Errorf("row %d: %w", it.Index, ErrScore)
		}
		allowed[it.Index] = true
	}
	for _, r := range p.Rankers {
		pool = r.Rank(q, pool)
	}
	for _, it := range pool {
		if !allowed[it.Index] {
			return nil, fmt.Errorf("broken invariant: a ranker listed row %d twice or out of nowhere", it.Index)
		}
		delete(allowed, it.Index)
	}
	return pool[:min(q.N, len(pool))], nil
}

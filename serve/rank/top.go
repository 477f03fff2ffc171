package rank

import (
	"cmp"
	"fmt"
	"slices"
)

// Top finds the n best of all scores that are not skipped, best first; of equal scores the lower row is better. skip has one
// place a score, or is nil. It keeps n candidates in a heap: O(len(scores)·log n) time, O(n) memory.
func Top(scores []float32, n int, skip []bool) ([]Item, error) {
	best := make(worstFirst, 0, min(n, len(scores)))
	for i, s := range scores {
		if s-s != 0 { // not a number, or infinite
			return nil, fmt.Errorf("row %d: %w", i, ErrScore)
		}
		if skip == nil || !skip[i] {
			best.offer(Item{Index: i, Score: s}, n)
		}
	}
	return best.sorted(), nil
}

// before orders a list: higher score first, then lower row.
func before(a, b Item) int {
	if c := cmp.Compare(b.Score, a.Score); c != 0 {
		return c
	}
	return cmp.Compare(a.Index, b.Index)
}

// worstFirst is a binary heap with the candidate to be given up next at its root.
type worstFirst []Item

// offer takes a candidate in if it is among the n best.
func (h *worstFirst) offer(it Item, n int) {
	switch {
	case len(*h) < n:
		*h = append(*h, it)
		h.up(len(*h) - 1)
	case n > 0 && before(it, (*h)[0]) < 0:
		(*h)[0] = it
		h.down(0)
	}
}

// sorted is the heap as a list, best first; it is no heap any more.
func (h worstFirst) sorted() []Item {
	slices.SortFunc(h, before)
	return h
}

func (h worstFirst) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if before(h[parent], h[i]) > 0 {
			return
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
}

func (h worstFirst) down(i int) {
	for {
		worst := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(h) && before(h[worst], h[child]) < 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		h[i], h[worst] = h[worst], h[i]
		i = worst
	}
}

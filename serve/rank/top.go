package rank

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/cinesync/cinesync/serve/rank/scan"
)

// topBlock is the scores that Top compares with one threshold.
const topBlock = 1024

// Top finds the n best of all scores that are not barred, best first; of equal scores the lower row is better. Barred has a bit a
// score, or is nil. Whole blocks of scores are compared with the worst that the list still takes; time is that of reading them once
// where few get past it.
func Top(scores []float32, n int, barred Mask) ([]Item, error) {
	n = max(n, 0)
	room := max(4*n, 256)
	pool, floor := make([]Item, 0, min(room, len(scores))), float32(math.Inf(-1))
	var hits [topBlock / 64]uint64
	for at := 0; at < len(scores); at += topBlock {
		block := scores[at:min(at+topBlock, len(scores))]
		if !scan.Above(hits[:], block, floor) {
			i := firstEndless(block)
			return nil, fmt.Errorf("row %d: %w", at+i, ErrScore)
		}
		for w, word := range hits[:(len(block)+63)/64] {
			if barred != nil {
				word &^= barred[at/64+w]
			}
			for ; word != 0; word &= word - 1 {
				i := 64*w + bits.TrailingZeros64(word)
				if len(pool) >= n && block[i] <= floor { // rows above have the score already
					continue
				}
				if pool = append(pool, Item{at + i, block[i]}); len(pool) == room {
					pool = best(pool, n)
					if n > 0 {
						floor = pool[n-1].Score
					}
				}
			}
		}
	}
	return best(pool, n), nil
}

// best is the n best of a pool, sorted.
func best(pool []Item, n int) []Item {
	slices.SortFunc(pool, before)
	return pool[:min(n, len(pool))]
}

// before orders a list: higher score first, then lower row.
func before(a, b Item) int {
	if c := cmp.Compare(b.Score, a.Score); c != 0 {
		return c
	}
	return cmp.Compare(a.Index, b.Index)
}

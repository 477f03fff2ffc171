package ranktest

import (
	"math"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/serve/rank"
)

// place is one place of the reference's list.
type place struct {
	row   int
	score float32
}

// reference is the list of one query: every score by one loop, then a sort of them all.
func reference(vectors, biases []float32, dim int, query []float32, n int, masks ...rank.Mask) []place {
	var all []place
	for row := range biases {
		if barred(row, masks) {
			continue
		}
		total := 0.0
		for k := 0; k < dim; k++ {
			product := float64(query[k]) * float64(vectors[row*dim+k])
			total = total + product
		}
		total = total + float64(biases[row])
		score := float32(total)
		if score == 0 {
			score = 0 // not −0
		}
		all = append(all, place{row, score})
	}
	slices.SortStableFunc(all, func(a, b place) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return all[:min(n, len(all))]
}

func barred(row int, masks []rank.Mask) bool {
	for _, m := range masks {
		if m != nil && m[row>>6]&(1<<uint(row&63)) != 0 {
			return true
		}
	}
	return false
}

// equal compares a list with the reference's, bits of scores included.
func equal(t testing.TB, query int, got []rank.Item, want []place) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("query %d: the list has %d titles, want %d", query, len(got), len(want))
	}
	for i, w := range want {
		if got[i].Index != w.row || math.Float32bits(got[i].Score) != math.Float32bits(w.score) {
			t.Fatalf("query %d: place %d is row %d with %v (%08x), want row %d with %v (%08x)", query, i, got[i].Index, got[i].Score,
				math.Float32bits(got[i].Score), w.row, w.score, math.Float32bits(w.score))
		}
	}
}

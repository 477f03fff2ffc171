package rank_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/serve/rank"
	"github.com/cinesync/cinesync/serve/rank/ranktest"
)

func TestTheProcessorsFinder(t *testing.T) { ranktest.Run(t, rank.NewFinder) }

func TestNewTableRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		vectors, biases []float32
		dim             int
		err             string
	}{
		{[]float32{1, 2}, []float32{1}, 0, "width 0"},
		{[]float32{1, 2}, []float32{1}, rank.MaxDim + 1, "width 4097"},
		{[]float32{1, 2, 3}, []float32{1}, 2, "3 numbers in vectors of width 2"},
		{nil, nil, 2, "0 numbers"},
		{[]float32{1, 2}, []float32{1, 2}, 2, "2 biases for 1 titles"},
		{[]float32{1, 2, 3, nan}, nil, 2, "number 1 of title 1 is NaN"},
		{[]float32{1, 2, 3, 4}, []float32{0, inf}, 2, "bias of title 1 is -Inf"},
	} {
		if _, err := rank.NewTable(c.vectors, c.biases, c.dim); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("error %v, want %q", err, c.err)
		}
	}
}

// TestListsFollowScore draws small tables of few different numbers, and wants the lists that Table.Score gives.
func TestListsFollowScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		titles, dim, queries := rapid.IntRange(1, 900).Draw(t, "titles"), rapid.IntRange(1, 9).Draw(t, "dim"), rapid.IntRange(1, 30).Draw(t, "queries")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		choice := rapid.SliceOfN(rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32), 1, 5).Draw(t, "numbers")
		some := func(n int) []float32 {
			out := make([]float32, n)
			for i := range out {
				out[i] = choice[rng.IntN(len(choice))]
			}
			return out
		}
		table, err := rank.NewTable(some(titles*dim), some(titles), dim)
		if err != nil {
			t.Fatal(err)
		}
		f, err := rank.NewFinder(table)
		if err != nil {
			t.Fatal(err)
		}
		b := rank.Batch{Queries: some(queries * dim), N: rapid.IntRange(1, rank.MaxN).Draw(t, "n"), Barred: make(rank.Mask, rank.MaskWords(titles))}
		for i := range b.Barred {
			b.Barred[i] = rng.Uint64() & rng.Uint64()
		}
		lists, err := f.Find(b)
		if err != nil {
			t.Fatal(err)
		}
		for q, got := range lists {
			var want []rank.Item
			for row := range titles {
				if !b.Barred.Has(row) {
					want = append(want, rank.Item{Index: row, Score: table.Score(b.Queries[q*dim:(q+1)*dim], row)})
				}
			}
			slices.SortStableFunc(want, func(x, y rank.Item) int { return cmp.Compare(y.Score, x.Score) })
			if !slices.Equal(got, want[:min(b.N, len(want))]) {
				t.Fatalf("query %d: %v, want %v", q, got, want[:min(b.N, len(want))])
			}
		}
	})
}

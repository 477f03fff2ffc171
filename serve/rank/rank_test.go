package rank

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestTopIsTheHeadOfASort compares with sorting everything, over scores full of ties.
func TestTopIsTheHeadOfASort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.SampledFrom([]float32{-2, -1, 0, 0.5, 1, math.MaxFloat32}), 0, 1500).Draw(t, "scores")
		var skip Mask
		if rapid.Bool().Draw(t, "some are barred") {
			skip = make(Mask, MaskWords(len(scores)))
			for i := range skip {
				skip[i] = rapid.Uint64().Draw(t, "skip") & rapid.Uint64().Draw(t, "skip less")
			}
		}
		n := rapid.IntRange(0, 400).Draw(t, "n")
		want := []Item{}
		for i, s := range scores {
			if !skip.Has(i) {
				want = append(want, Item{i, s})
			}
		}
		slices.SortStableFunc(want, func(a, b Item) int {
			if a.Score != b.Score {
				if a.Score > b.Score {
					return -1
				}
				return 1
			}
			return 0
		})
		got, err := Top(scores, n, skip)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[:min(n, len(want))], got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestNegativeScoresKeepTheirOrder(t *testing.T) {
	got, err := Pipeline{}.Run([]float32{-0.9, -0.1, -0.5}, Query{N: 3})
	if diff := cmp.Diff([]Item{{1, -0.1}, {2, -0.5}, {0, -0.9}}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestRun(t *testing.T) {
	scores := []float32{0.1, 0.9, 0.5, 0.9, 0.3}
	for _, c := range []struct {
		name string
		p    Pipeline
		q    Query
		want []int
		err  string
	}{
		{name: "ties by row", q: Query{N: 2}, want: []int{1, 3}},
		{name: "seen are left out", q: Query{N: 3, Seen: []int{1, 1, 2}}, want: []int{3, 4, 0}},
		{name: "barred are left out", q: Query{N: 2, Barred: Mask{1 << 3}}, want: []int{1, 2}},
		{name: "fewer than wanted", q: Query{N: 100}, want: []int{1, 3, 2, 4, 0}},
		{name: "everything seen", q: Query{N: 5, Seen: []int{0, 1, 2, 3, 4}}, want: []int{}},
		{name: "rankers see the pool", p: Pipeline{Pool: 4, Rankers: []Ranker{reverse{}}}, q: Query{N: 2}, want: []int{4, 2}},
		{name: "rankers may drop", p: Pipeline{Pool: 4, Rankers: []Ranker{reverse{}, dropFirst{}}}, q: Query{N: 2}, want: []int{2, 3}},
		{name: "a ranker may not add", p: Pipeline{Rankers: []Ranker{invent{0}}}, q: Query{N: 2}, err: "broken invariant"},
		{name: "a ranker may not repeat", p: Pipeline{Rankers: []Ranker{invent{1}}}, q: Query{N: 2}, err: "broken invariant"},
		{name: "n too small", q: Query{}, err: "n is 0, want 1 to 100"},
		{name: "n too large", q: Query{N: 101}, err: "n is 101, want 1 to 100"},
		{name: "row beyond the model", q: Query{N: 1, Seen: []int{5}}, err: "row 5 of a model with 5 titles"},
		{name: "negative row", q: Query{N: 1, Seen: []int{-1}}, err: "row -1"},
		{name: "mask of another model", q: Query{N: 1, Barred: Mask{0, 0}}, err: "a mask of 2 words beside one of 1"},
	} {
		got, err := c.p.Run(scores, c.q)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		index := []int{}
		for _, it := range got {
			index = append(index, it.Index)
			if it.Score != scores[it.Index] {
				t.Errorf("%s: row %d has score %v, want %v", c.name, it.Index, it.Score, scores[it.Index])
			}
		}
		if diff := cmp.Diff(c.want, index); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
}

func TestABrokenScoreIsAnError(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := (Pipeline{}).Run([]float32{1, float32(x)}, Query{N: 1, Seen: []int{1}}); !errors.Is(err, ErrScore) {
			t.Errorf("%v: got %v, want ErrScore even for a title that is left out", x, err)
		}
	}
}

type reverse struct{}

func (reverse) Rank(_ Query, pool []Item) []Item { slices.Reverse(pool); return pool }

type dropFirst struct{}

func (dropFirst) Rank(_ Query, pool []Item) []Item { return pool[1:] }

type invent struct{ row int }

func (r invent) Rank(_ Query, pool []Item) []Item { return append(pool, Item{Index: r.row}) }

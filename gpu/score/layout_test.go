package score

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
)

// TestWeightsAreTheModels holds the tables against what the model pools with, bit by bit.
func TestWeightsAreTheModels(t *testing.T) {
	w := weightsOf(ages(8), 400)
	for _, n := range []int{1, 2, 3, 50, 399, 400} {
		for c, want := range model.Pooling(ages(8), n) {
			for age := range n {
				if got := w.decay[c*400+age] * w.norm[c*400+n-1]; got != want[n-1-age] {
					t.Fatalf("channel %d, %d titles, age %d: %v, want %v", c, n, age, got, want[n-1-age])
				}
			}
		}
	}
}

// TestSlicesCoverTheCatalogue wants each tile in one slice and no slice without a tile.
func TestSlicesCoverTheCatalogue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := shape{n: rapid.IntRange(2, model.MaxItems).Draw(t, "titles")}
		n, tiles := x.slices(rapid.IntRange(1, mostUsers).Draw(t, "users"), rapid.IntRange(1, 300).Draw(t, "blocks"))
		all := blocks(x.n, tile)
		if n < 1 || n > mostSlices || n*tiles < all || (n-1)*tiles >= all {
			t.Fatalf("%d slices of %d tiles for %d", n, tiles, all)
		}
	})
}

func TestTablesLieAsTheKernelsRead(t *testing.T) {
	if got, want := turnTowers([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2), []float32{1, 3, 5, 7, 2, 4, 6, 8}; !slices.Equal(got, want) {
		t.Errorf("towers %v, want %v", got, want)
	}
	a2 := make([]float32, 17*2)
	for i := range a2 {
		a2[i] = float32(i + 1)
	}
	got := groupUnits(a2, 2, 17)
	for u := range 32 {
		for k := range 2 {
			want := float32(0)
			if u < 17 {
				want = a2[u*2+k]
			}
			if v := got[(u/16*2+k)*16+u%16]; v != want {
				t.Errorf("weight of unit %d, input %d is %v, want %v", u, k, v, want)
			}
		}
	}
	if got := padUnits([]float32{1}); len(got) != 16 || got[0] != 1 || slices.Max(got[1:]) != 0 {
		t.Errorf("padded %v", got)
	}
	lists := [][]int{{3, 4, 6}, {}, {5}}
	from := begins(3, func(i int) int { return len(lists[i]) })
	items := make([]uint32, from[3])
	err := fill(3, from, items, func(dst []uint32, i int) error {
		if _, ok := copyTitles(dst, lists[i], 7); !ok {
			return errTitle(0, 7)
		}
		return nil
	})
	if err != nil || !slices.Equal(from, []uint32{0, 3, 3, 4}) || !slices.Equal(items, []uint32{3, 4, 6, 5}) {
		t.Errorf("flat %v %v %v", from, items, err)
	}
	for _, wrong := range []int{-1, 7, math.MaxInt, math.MinInt} {
		if item, ok := copyTitles(items, []int{0, wrong}, 7); ok || item != wrong {
			t.Errorf("title %d of 7 was taken", wrong)
		}
	}
}

func TestModelsWithoutKernels(t *testing.T) {
	info := gpu.Info{Name: "a device", Shared: 227 << 10}
	towers := snapshot(t, model.TwoTowerFamily, 10, 4, ages(2), 1)
	head, err := model.NewHead(model.HybridFamily, towers)
	if err != nil {
		t.Fatal(err)
	}
	wide := snapshot(t, model.NCFFamily, 3, 257, ages(1), 1)
	for _, one := range []struct {
		s    *model.Snapshot
		info gpu.Info
		want string
	}{
		{head, info, `family "hybrid"`},
		{wide, info, "an NCF of width 257"},
		{snapshot(t, model.NCFFamily, 3, 200, ages(1), 1), gpu.Info{Name: "a small one", Shared: 99 << 10}, "a small one has 101376"},
	} {
		if _, err := shapeOf(one.s, one.info); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), one.want) {
			t.Errorf("got %v, want %q", err, one.want)
		}
	}
	short := &model.Snapshot{Layout: towers.Layout, Params: towers.Params[1:]}
	if _, err := shapeOf(short, info); err == nil || !strings.Contains(err.Error(), "the layout has") {
		t.Errorf("a short model: %v", err)
	}
	more := *towers
	more.Layout.Ages = append(ages(8), 9)
	if _, err := shapeOf(&more, info); err == nil || !strings.Contains(err.Error(), "9 channels") {
		t.Errorf("a model with more channels than score_pool sums: %v", err)
	}
	if _, err := shapeOf(snapshot(t, model.NCFFamily, 3, 256, ages(1), 1), info); err != nil {
		t.Error(err)
	}
}

var _ evaluate.Backend = (*Model)(nil)
var _ evaluate.Scorer = (*Model)(nil)

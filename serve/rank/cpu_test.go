package rank

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// TestCoresDoNotCount cuts the same batch for more and more cores.
func TestCoresDoNotCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	table, err := NewTable(normals(rng, 9_000*6), normals(rng, 9_000), 6)
	if err != nil {
		t.Fatal(err)
	}
	made, err := NewFinder(table)
	if err != nil {
		t.Fatal(err)
	}
	f := made.(*finder)
	for _, queries := range []int{1, 50, 250} {
		b := Batch{Queries: normals(rng, queries*6), N: 30}
		want, plans := f.find(b, queries, 1), map[int]bool{}
		first, _ := f.plan(queries, 1)
		plans[len(first)] = true
		for cores := 2; cores <= 40; cores = cores*2 + 1 {
			cuts, _ := f.plan(queries, cores)
			plans[len(cuts)] = true
			if diff := cmp.Diff(want, f.find(b, queries, cores)); diff != "" {
				t.Fatalf("%d queries on %d cores: %s", queries, cores, diff)
			}
		}
		if len(plans) < 2 {
			t.Errorf("%d queries are cut in the same way for any number of cores", queries)
		}
	}
}

// TestPlansCoverEverythingOnce wants each query to meet each block in one cut.
func TestPlansCoverEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		titles, queries := rapid.IntRange(1, 40_000).Draw(t, "titles"), rapid.IntRange(1, 1000).Draw(t, "queries")
		table, err := NewTable(make([]float32, titles), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		made, err := NewFinder(table)
		if err != nil {
			t.Fatal(err)
		}
		f := made.(*finder)
		cuts, shares := f.plan(queries, rapid.IntRange(1, 200).Draw(t, "cores"))
		next := 0
		for i, c := range cuts {
			if i%shares == 0 {
				if c.queries.first != next || c.blocks.first != 0 {
					t.Fatalf("cut %d is %v", i, c)
				}
				next = c.queries.end
			} else if c.queries != cuts[i-1].queries || c.blocks.first != cuts[i-1].blocks.end {
				t.Fatalf("cut %d is %v behind %v", i, c, cuts[i-1])
			}
			if i%shares == shares-1 && c.blocks.end != f.panels.Blocks() {
				t.Fatalf("cut %d is %v, the last of %d blocks", i, c, f.panels.Blocks())
			}
		}
		if next != queries || len(cuts)%shares != 0 {
			t.Fatalf("%d cuts of %d shares end at query %d of %d", len(cuts), shares, next, queries)
		}
	})
}

func TestNthIsASortsNth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]float32{float32(math.Inf(-1)), float32(math.Inf(1)), -3, -1, 0, 0, 1, 2, 2, 5, 9}), 1, 50).Draw(t, "values")
		n := rapid.IntRange(0, len(values)-1).Draw(t, "n")
		sorted := slices.Clone(values)
		slices.Sort(sorted)
		if got, want := nth(values, n), sorted[len(sorted)-1-n]; got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// TestDownIsTheNextBelow wants the float32 at or just below a float64.
func TestDownIsTheNextBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		low := down(x)
		if next := math.Nextafter32(low, float32(math.Inf(1))); float64(low) > x || float64(next) <= x {
			t.Fatalf("%v lies between %v and %v", x, low, next)
		}
	})
}

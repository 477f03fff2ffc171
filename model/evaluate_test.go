package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// crowd makes people whose choices follow a popularity law and nothing else.
func crowd(items []string, people, watches int, seed uint64) []Person {
	rng := rand.New(rand.NewPCG(seed, 77))
	var out []Person
	for range people {
		var p Person
		seen := map[int]bool{}
		for len(seen) < watches+1 {
			i := int(float64(len(items)) * math.Pow(rng.Float64(), 2.5))
			if seen[i] {
				continue
			}
			seen[i] = true
			p.Watches = append(p.Watches, Watch{Item: items[i], At: int64(len(seen))})
		}
		p.HeldOut = p.Watches[watches].Item
		p.Watches = p.Watches[:watches]
		out = append(out, p)
	}
	return out
}

func mustCases(t testing.TB, l Layout, people []Person, n int, seed uint64) []Case {
	t.Helper()
	cases, err := Cases(l, people, n, seed)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestCasesAreUnseenTitlesFromTheSeed(t *testing.T) {
	l := start(t, TwoTowerFamily, 300, 2).Layout
	people := crowd(l.Items, 40, 20, 1)
	cases := mustCases(t, l, people, 99, 5)
	if len(cases) != 40 {
		t.Fatalf("%d cases of 40 people", len(cases))
	}
	for i, c := range cases {
		seen := map[int]bool{c.HeldOut: true}
		for _, e := range c.History {
			seen[e.Item] = true
		}
		if len(c.Negatives) != 99 {
			t.Fatalf("person %d has %d negatives", i, len(c.Negatives))
		}
		for _, item := range c.Negatives {
			if seen[item] {
				t.Fatalf("person %d: negative %d was watched, held out or drawn twice", i, item)
			}
			seen[item] = true
		}
		if l.Items[c.HeldOut] != people[i].HeldOut {
			t.Fatalf("person %d: held out %d", i, c.HeldOut)
		}
	}
	if diff := cmp.Diff(cases, mustCases(t, l, people, 99, 5)); diff != "" {
		t.Errorf("one seed draws different negatives:\n%s", diff)
	}
	if cmp.Equal(cases, mustCases(t, l, people, 99, 6)) {
		t.Error("two seeds draw the same negatives")
	}
}

// TestNegativesAreUniform counts how often each title is drawn: popularity must not leak into the draw.
func TestNegativesAreUniform(t *testing.T) {
	l := start(t, TwoTowerFamily, 120, 2).Layout
	person := Person{Watches: []Watch{{Item: l.Items[0]}}, HeldOut: l.Items[1]}
	counts := make([]float64, 120)
	const draws = 2000
	for seed := range uint64(draws) {
		for _, i := range mustCases(t, l, []Person{person}, 10, seed)[0].Negatives {
			counts[i]++
		}
	}
	want := draws * 10 / 118.
	for i, c := range counts[2:] {
		if math.Abs(c-want) > 6*math.Sqrt(want) {
			t.Errorf("title %d was drawn %v times, expected about %.0f", i+2, c, want)
		}
	}
}

func TestCasesLeavesOutWhomItCannotMeasure(t *testing.T) {
	l := start(t, TwoTowerFamily, 20, 2).Layout
	good := Person{Watches: []Watch{{Item: l.Items[0]}}, HeldOut: l.Items[1]}
	unknown := Person{Watches: good.Watches, HeldOut: "tmdb:movie:1"}
	empty := Person{Watches: []Watch{{Item: "tmdb:movie:2"}}, HeldOut: l.Items[1]}
	if got := mustCases(t, l, []Person{unknown, good, empty}, 5, 1); len(got) != 1 {
		t.Errorf("%d cases, want 1", len(got))
	}
	if _, err := Cases(l, []Person{unknown, empty}, 5, 1); err == nil {
		t.Error("nobody can be measured, and there is no error")
	}
	if _, err := Cases(l, []Person{good}, 19, 1); err == nil {
		t.Error("19 unseen titles of 18")
	}
}

func TestRank(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		scores []float32 // the first is the held-out title's
		want   int
	}{
		{"best", []float32{3, 1, 2}, 0},
		{"second", []float32{2, 3, 1}, 1},
		{"ties count against", []float32{2, 2, 2}, 2},
		{"not a number is last", []float32{nan, 1, 2}, 2},
		{"a negative that is not a number stands before", []float32{1, nan, 0}, 1},
	} {
		if got := rank(c.scores, Case{HeldOut: 0, Negatives: []int{1, 2}}); got != c.want {
			t.Errorf("%s: rank %d, want %d", c.name, got, c.want)
		}
	}
	got := average([]int{0, 2, 9, 10})
	want := Metrics{HR10: 0.75, NDCG10: (1 + 0.5 + 1/math.Log2(11)) / 4}
	if math.Abs(got.HR10-want.HR10) > 1e-12 || math.Abs(got.NDCG10-want.NDCG10) > 1e-12 {
		t.Errorf("metrics %+v, want %+v", got, want)
	}
}

func TestPopularityCountsTrainingHistoriesOnly(t *testing.T) {
	l := Layout{Items: ids(4)}
	history := examples(2)
	cases := []Case{
		{History: history, HeldOut: 0, Negatives: []int{1}},
		{History: history, HeldOut: 0, Negatives: []int{1}},
	}
	// Title 0 is held out twice and never watched: it ties with title 1 at no views, and a tie counts against it.
	cases[0].Negatives, cases[1].Negatives = slices.Repeat([]int{1}, 10), slices.Repeat([]int{1}, 10)
	if got := EvaluatePopularity(l, cases); got.HR10 != 0 {
		t.Errorf("held-out views were counted: %+v", got)
	}
}

// TestAScorerThatLearnsNothingGainsNothing guards against the leak of accuracy.md 2: where training negatives are drawn from
// outside train *and test*, popularity minus the sampled negatives reaches 1.00. Our losses may push down whatever was not
// watched, the held-out title included, so that scorer stays at popularity or below.
func TestAScorerThatLearnsNothingGainsNothing(t *testing.T) {
	l := start(t, TwoTowerFamily, 400, 2).Layout
	cases := mustCases(t, l, crowd(l.Items, 300, 25, 3), 99, 4)
	popularity := EvaluatePopularity(l, cases).HR10
	m := mustOpen(t, start(t, NCFFamily, 400, 2).Layout).(*ncf)
	for _, rounds := range []int{1, 5, 20, 100} {
		rng := rand.New(rand.NewPCG(uint64(rounds), 1))
		var ranks []int
		for _, c := range cases {
			own := map[int]bool{}
			for _, e := range c.History {
				own[e.Item] = true
			}
			scores := make([]float32, len(l.Items))
			for _, other := range cases {
				for _, e := range other.History {
					scores[e.Item]++
				}
			}
			for range rounds {
				for _, i := range m.negatives(100, own, rng) {
					scores[i] -= 3
				}
			}
			ranks = append(ranks, rank(scores, c))
		}
		if got := average(ranks).HR10; got > popularity+0.03 {
			t.Errorf("after %d rounds of sampling it reaches %.3f, popularity %.3f: what is held out leaks through the negatives", rounds, got, popularity)
		}
	}
}

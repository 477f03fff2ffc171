package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/model/split"
)

// scores is a scorer from a function.
type scores func(user int, history []int, dst []float32) error

func (s scores) Scores(user int, history []int, dst []float32) error { return s(user, history, dst) }

// fixed gives everybody the same scores.
func fixed(v ...float32) Scorer {
	return scores(func(_ int, _ []int, dst []float32) error { copy(dst, v); return nil })
}

func mustJudge(t testing.TB, s *split.Split) *Judge {
	t.Helper()
	j, err := New(s, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustMeasure(t testing.TB, j *Judge, s Scorer) *Result {
	t.Helper()
	r, err := j.Measure(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var nan = float32(math.NaN())

func TestSit(t *testing.T) {
	// The held-out title is 0, its negatives 1 and 2, those by popularity 2 and 3, the history 4.
	q := Question{Held: 0, Uniform: []int{1, 2}, Matched: []int{2, 3}, History: []int{4}}
	for _, one := range []struct {
		name                   string
		scores                 []float32
		uniform, matched, full int
		list                   []int
		notNumber              bool
	}{
		{"best", []float32{9, 1, 2, 3, 10}, 0, 0, 0, []int{0, 3, 2, 1}, false},
		{"third in all", []float32{2, 1, 3, 3, 10}, 1, 2, 2, []int{2, 3, 0, 1}, false},
		{"ties count against", []float32{2, 2, 2, 2, 2}, 2, 2, 3, []int{0, 1, 2, 3}, false},
		{"not a number is last", []float32{nan, 1, 2, 3, 10}, 2, 2, 3, []int{3, 2, 1}, true},
		{"a negative that is not a number stands before", []float32{5, nan, 0, 1, 0}, 1, 0, 1, []int{0, 3, 2}, true},
		{"not a number in the history", []float32{5, 1, 2, 3, nan}, 0, 0, 0, []int{0, 3, 2, 1}, true},
		{"all are not numbers", []float32{nan, nan, nan, nan, nan}, 2, 2, 3, []int{}, true},
	} {
		got := sit(slices.Clone(one.scores), q)
		want := Place{one.uniform, one.matched, one.full, one.list, one.notNumber}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", one.name, diff)
		}
	}
}

// TestTopAgreesWithSorting holds the list of ten against a stable sort of everything.
func TestTopAgreesWithSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float32Range(-3, 3), 0, 60).Draw(t, "scores")
		for i := range v {
			v[i] = float32(math.Round(float64(v[i]))) // many ties
		}
		want := make([]int, len(v))
		for i := range want {
			want[i] = i
		}
		slices.SortStableFunc(want, func(a, b int) int { return int(v[b] - v[a]) })
		want = want[:min(ListLength, len(want))]
		if got := top(v); !slices.Equal(got, want) {
			t.Fatalf("top of %v is %v, want %v", v, got, want)
		}
	})
}

func TestKnownFigures(t *testing.T) {
	// Ten users hold out title 0, which stands at rank 0, 1, … 9 among nine negatives, and at twice that in all.
	s := &split.Split{Train: split.Train{Items: 30, Histories: make([][]int, 10)}}
	for user := range 10 {
		s.Train.Histories[user] = []int{29}
		c := split.Case{User: user, Item: 0}
		for i := range 9 {
			c.Negatives = append(c.Negatives, 1+2*i)
		}
		s.Cases = append(s.Cases, c)
	}
	r := mustMeasure(t, mustJudge(t, s), scores(func(user int, _ []int, dst []float32) error {
		for i := range dst {
			dst[i] = -float32(i)
		}
		dst[0] = -float32(2*user) - 0.5
		return nil
	}))
	var ndcg, mrr, full float64
	for rank := range 10 {
		ndcg += 0.1 / math.Log2(float64(rank)+2)
		mrr += 0.1 / float64(rank+1)
		if 2*rank < 10 {
			full += 0.1 / math.Log2(float64(2*rank)+2)
		}
	}
	for _, f := range []struct {
		name      string
		got, want float64
	}{
		{"hr10", r.Uniform.HR10.Mean, 1}, {"ndcg10", r.Uniform.NDCG10.Mean, ndcg}, {"mrr", r.Uniform.MRR.Mean, mrr},
		{"hr5", r.Uniform.Cuts[1].HR, 0.5}, {"recall5", r.Uniform.Cuts[1].Recall, 0.5}, {"hr1", r.Uniform.Cuts[0].HR, 0.1},
		{"full hr10", r.Full.HR10.Mean, 0.5}, {"full ndcg10", r.Full.NDCG10.Mean, full}, {"full hr20", r.Full.Cuts[3].HR, 1},
	} {
		if math.Abs(f.got-f.want) > 1e-12 {
			t.Errorf("%s %v, want %v", f.name, f.got, f.want)
		}
	}
	if r.Uniform.Users != 10 || r.NotNumbers != 0 {
		t.Errorf("%d users, %d with scores that are no numbers", r.Uniform.Users, r.NotNumbers)
	}
}

func TestListsOfTen(t *testing.T) {
	// Titles 0 to 3; all four users watched 3, two watched 2. Title 1 is new.
	s := &split.Split{Train: split.Train{Items: 4, Histories: [][]int{{3}, {3}, {3, 2}, {3, 2}}},
		Cases: []split.Case{{User: 0, Item: 0, Negatives: []int{1}}, {User: 1, Item: 0, Negatives: []int{1}}}}
	j, err := New(s, Options{Similar: must(NewVectors([][]float32{{1, 0}, {0, 2}, {3, 3}, {0, 0}}, 4))})
	if err != nil {
		t.Fatal(err)
	}
	got := mustMeasure(t, j, fixed(1, float32(math.Inf(-1)), 2, 0)).Lists // both lists are 2, 0
	want := Lists{Coverage: 0.5, Diversity: 1 - 1/math.Sqrt2, Novelty: (1 + 2) / 2., PopularityBias: (2+0)/2./4 - 1}
	for _, f := range []struct {
		name      string
		got, want float64
	}{{"coverage", got.Coverage, want.Coverage}, {"diversity", got.Diversity, want.Diversity},
		{"novelty", got.Novelty, want.Novelty}, {"popularity bias", got.PopularityBias, want.PopularityBias}} {
		if math.Abs(f.got-f.want) > 1e-12 {
			t.Errorf("%s %v, want %v", f.name, f.got, f.want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAudienceIsTheCosineOfColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	train := split.Train{Items: 6}
	for range 150 {
		var h []int
		for item := range 5 { // nobody watches title 5
			if rng.IntN(3) == 0 {
				h = append(h, item)
			}
		}
		train.Histories = append(train.Histories, h)
	}
	rows := make([][]float32, 6)
	for item := range rows {
		rows[item] = make([]float32, 150)
		for user, h := range train.Histories {
			if slices.Contains(h, item) {
				rows[item][user] = 1
			}
		}
	}
	a, v := NewAudience(train), must(NewVectors(rows, 6))
	for i := range 6 {
		for k := range 6 {
			if got, want := a.Cosine(i, k), v.Cosine(i, k); math.Abs(got-want) > 1e-9 {
				t.Errorf("titles %d and %d: %v, want %v", i, k, got, want)
			}
		}
	}
}

func TestVectorsRefuse(t *testing.T) {
	for _, rows := range [][][]float32{{{1}}, {{1}, {1, 2}}, {{1}, {nan}}, {{1}, {float32(math.Inf(1))}}} {
		if _, err := NewVectors(rows, 2); err == nil {
			t.Errorf("%v was taken for two titles", rows)
		}
	}
}

// TestSegmentsPartTheUsers wants every user in one segment of each kind, and in the right one.
func TestSegmentsPartTheUsers(t *testing.T) {
	s := &split.Split{Train: split.Train{Items: 400}}
	history := func(n int) (h []int) {
		for i := range n {
			h = append(h, i)
		}
		return h
	}
	for user, n := range []int{0, 1, 9, 10, 29, 30, 99, 100, 299, 300} {
		s.Train.Histories = append(s.Train.Histories, history(n))
		s.Cases = append(s.Cases, split.Case{User: user, Item: 399, Negatives: []int{398}})
	}
	r := mustMeasure(t, mustJudge(t, s), fixed(make([]float32, 400)...))
	got := map[string]int{}
	for _, one := range r.Segments {
		got[one.By+" "+one.Name] = one.Full.Users
		if one.Full.Users != one.Uniform.Users || one.Full.Users != one.Matched.Users {
			t.Errorf("segment %s %s has other users under other protocols", one.By, one.Name)
		}
	}
	want := map[string]int{"history none": 1, "history 1-9": 2, "history 10-29": 2, "history 30-99": 2, "history 100-299": 2, "history 300+": 1, "popularity new": 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClassesByPlays(t *testing.T) {
	j := &Judge{counts: []int{0, 50, 20, 10, 11, 9}, split: &split.Split{Train: split.Train{Items: 6, Histories: [][]int{make([]int, 100)}}}}
	if diff := cmp.Diff([]string{newTitles, head, middle, tail, middle, tail}, j.classes()); diff != "" {
		t.Error(diff)
	}
}

func TestMeasureNamesTheUserItCannotScore(t *testing.T) {
	s := &split.Split{Train: split.Train{Items: 4, Histories: [][]int{{0}, {1}}}, Cases: []split.Case{{User: 1, Item: 2, Negatives: []int{3}}}}
	_, err := mustJudge(t, s).Measure(scores(func(int, []int, []float32) error { return fmt.Errorf("no such table") }))
	if err == nil || !strings.Contains(err.Error(), "scores for user 1: no such table") {
		t.Errorf("error %v", err)
	}
	bad := &split.Split{Train: s.Train, Cases: []split.Case{{User: 1, Item: 1, Negatives: []int{3}}}}
	if _, err := New(bad, Options{}); err == nil || !strings.Contains(err.Error(), "same user's training") {
		t.Errorf("a split that leaks was taken: %v", err)
	}
}

func TestEstimates(t *testing.T) {
	if got := meanOf([]float64{1, 2, 3, 4}); math.Abs(got.Mean-2.5) > 1e-12 || math.Abs(got.High-2.5-z95*math.Sqrt(5./3)/2) > 1e-12 || math.Abs(got.High+got.Low-5) > 1e-12 {
		t.Errorf("mean of 1 to 4: %+v", got)
	}
	// Wilson's interval of 0 and of 81 hits in 263, Newcombe 1998, tables I and II.
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		ranks := make([]int, c.n)
		for i := c.hits; i < c.n; i++ {
			ranks[i] = 10
		}
		got := share(ranks, 10)
		if math.Abs(got.Low-c.low) > 1e-4 || math.Abs(got.High-c.high) > 1e-4 || math.Abs(got.Mean-float64(c.hits)/float64(c.n)) > 1e-12 {
			t.Errorf("%d of %d: %+v, want %v to %v", c.hits, c.n, got, c.low, c.high)
		}
	}
	// Three seeds: t with two degrees of freedom.
	got := SpreadOf([]float64{0.70, 0.72, 0.74})
	if math.Abs(got.Mean-0.72) > 1e-12 || math.Abs(got.SD-0.02) > 1e-12 || math.Abs(got.High-0.72-4.303*0.02/math.Sqrt(3)) > 1e-12 {
		t.Errorf("three seeds: %+v", got)
	}
	if one := SpreadOf([]float64{0.5}); one.Low != 0.5 || one.High != 0.5 || one.SD != 0 {
		t.Errorf("one seed has an interval: %+v", one)
	}
}

// TestIntervalsCoverTheTruth measures a scorer whose true hit rate is known, many times: about 95 % of intervals hold it.
func TestIntervalsCoverTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	const trials, truth = 2000, 0.3
	held := 0
	for range trials {
		ranks := make([]int, 200)
		for i := range ranks {
			if rng.Float64() >= truth {
				ranks[i] = 50
			}
		}
		if e := share(ranks, 10); e.Low <= truth && truth <= e.High {
			held++
		}
	}
	if rate := float64(held) / trials; rate < 0.93 || rate > 0.97 {
		t.Errorf("%.3f of the intervals hold the truth, want about 0.95", rate)
	}
}

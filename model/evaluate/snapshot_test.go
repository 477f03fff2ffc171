package evaluate

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/split"
)

func snapshot(t testing.TB, family string, items int) *model.Snapshot {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	ids, features := make([]string, items), make([][]float32, items)
	for i := range ids {
		ids[i] = fmt.Sprintf("movielens:movie:%d", i+1)
		for range 6 {
			features[i] = append(features[i], float32(rng.IntN(3)))
		}
	}
	s, err := model.New(family, ids, features, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Params {
		s.Params[i] += float32(rng.NormFloat64() * 0.1)
	}
	return s
}

// TestSnapshotScoresAsTheModelDoes judges both families, and wants the model's own scores and one result of any number of cores.
func TestSnapshotScoresAsTheModelDoes(t *testing.T) {
	s := crowd(t, 130, 40, 12, 5)
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		snap := snapshot(t, family, 130)
		scorer, err := OfSnapshot(snap)
		if err != nil {
			t.Fatal(err)
		}
		got, want := make([]float32, 130), make([]float32, 130)
		if err := scorer.Scores(0, []int{5, 2, 77}, got); err != nil {
			t.Fatal(err)
		}
		m, err := model.Open(snap.Layout)
		if err != nil {
			t.Fatal(err)
		}
		own, err := m.Scorer(snap.Params, []model.Example{{Item: 5}, {Item: 2}, {Item: 77}})
		if err != nil {
			t.Fatal(err)
		}
		own.Scores(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: judged by other scores than the model's", family)
		}
		j := mustJudge(t, s)
		before := runtime.GOMAXPROCS(1)
		one := mustMeasure(t, j, scorer)
		runtime.GOMAXPROCS(4)
		four := mustMeasure(t, mustJudge(t, s), scorer)
		runtime.GOMAXPROCS(before)
		if diff := cmp.Diff(one, four, cmp.AllowUnexported(Result{})); diff != "" {
			t.Errorf("%s: one core and four differ:\n%s", family, diff)
		}
	}
}

// TestStrangersAreJudgedByBias scores whoever has no history by what a model knows without one.
func TestStrangersAreJudgedByBias(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		snap := snapshot(t, family, 20)
		at, n, _ := snap.Layout.Offset("b")
		scorer, err := OfSnapshot(snap)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 20)
		if err := scorer.Scores(0, nil, got); err != nil || !slices.Equal(got, snap.Params[at:at+n]) {
			t.Errorf("%s: scores %v, %v; want the biases", family, got, err)
		}
		if err := scorer.Scores(0, nil, make([]float32, 19)); err == nil {
			t.Errorf("%s: 19 scores of 20 titles", family)
		}
	}
}

func TestOfPeopleLeavesOutWhomItCannotMeasure(t *testing.T) {
	l := snapshot(t, model.TwoTowerFamily, 20).Layout
	good := Person{Watches: []model.Watch{{Item: l.Items[0], At: 9}, {Item: l.Items[3], At: 4}}, HeldOut: l.Items[1]}
	people := []Person{
		{Watches: good.Watches, HeldOut: "tmdb:movie:1"},                         // unknown
		{Watches: []model.Watch{{Item: "tmdb:movie:2"}}, HeldOut: l.Items[1]},    // no known history
		{Watches: []model.Watch{{Item: l.Items[1], At: 1}}, HeldOut: l.Items[1]}, // watched before
		good,
	}
	s, err := OfPeople(l, people, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Cases) != 1 || s.Cases[0].User != 3 || s.Cases[0].Item != 1 || !slices.Equal(s.Train.Histories[3], []int{3, 0}) || s.Notes.UsersNotJudged != 3 {
		t.Errorf("split %+v", s)
	}
	if _, err := OfPeople(l, people[:3], 5, 1); err == nil || !strings.Contains(err.Error(), "nobody has a held-out title") {
		t.Errorf("nobody can be measured: %v", err)
	}
	if _, err := OfPeople(l, people, 18, 1); err == nil || !strings.Contains(err.Error(), "has not watched 17 of 20") {
		t.Errorf("18 unseen titles of 17: %v", err)
	}
}

// TestDifferencesArePaired compares a result with itself and with a worse one.
func TestDifferencesArePaired(t *testing.T) {
	s := &split.Split{Train: split.Train{Items: 5}}
	for user := range 8 {
		s.Train.Histories = append(s.Train.Histories, []int{4})
		s.Cases = append(s.Cases, split.Case{User: user, Item: 0, Negatives: []int{1, 2, 3}})
	}
	j := mustJudge(t, s)
	good, bad := mustMeasure(t, j, fixed(9, 1, 2, 3, 4)), mustMeasure(t, j, fixed(0, 1, 2, 3, 4))
	if d := good.Over(good); d != (Difference{}) {
		t.Errorf("over itself %+v", d)
	}
	if d := good.Over(bad); !(d.Uniform.Low > 0.5) || !(d.Full.Low > 0.5) {
		t.Errorf("over the worse one %+v", d)
	}
	if l := good.Losses(bad); len(l) != 0 {
		t.Errorf("the better one loses: %v", l)
	}
	if l := bad.Losses(good); len(l) != 3 {
		t.Errorf("the worse one loses only %v", l)
	}
	if l := good.Losses(good); len(l) != 3 {
		t.Errorf("no better than itself is a loss too: %v", l)
	}
}

func BenchmarkMeasureFullRanking(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	train := split.Train{Items: 3706}
	for range 6040 {
		train.Histories = append(train.Histories, rng.Perm(3706)[:165])
	}
	s, err := split.HoldOut(train, 99, 1)
	if err != nil {
		b.Fatal(err)
	}
	j := mustJudge(b, s)
	v := make([]float32, 3706)
	for i := range v {
		v[i] = rng.Float32()
	}
	for b.Loop() {
		mustMeasure(b, j, fixed(v...))
	}
	b.ReportMetric(float64(b.N*6040)/b.Elapsed().Seconds(), "users/s")
}

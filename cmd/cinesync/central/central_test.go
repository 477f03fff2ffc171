package central

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/catalog/household"
)

// small is a recipe over households, and its start.
func small(t *testing.T, people, rounds int) (Recipe, *model.Snapshot) {
	t.Helper()
	titles := catalog.Builtin().Titles()
	ids := make([]string, len(titles))
	for i, title := range titles {
		ids[i] = title.ID
	}
	start, err := model.New(model.TwoTowerFamily, ids, catalog.Features(titles), 8)
	if err != nil {
		t.Fatal(err)
	}
	households, err := household.Make(titles, people, 3)
	if err != nil {
		t.Fatal(err)
	}
	r := Recipe{Task: model.TwoTowerFamily, Rounds: rounds, Clip: model.DefaultClip(model.TwoTowerFamily), Seed: 3}
	for _, h := range households {
		var watches []model.Watch
		for _, w := range h {
			watches = append(watches, model.Watch{Item: w.Item, At: w.At})
		}
		r.People = append(r.People, watches)
	}
	return r, start
}

// TestMeanIsThatOfClippedUpdates computes each person's part apart, in order, with one of them left out.
func TestMeanIsThatOfClippedUpdates(t *testing.T) {
	r, start := small(t, 5, 1)
	r.Out = []bool{false, false, true, false, false}
	trained, err := r.Train(context.Background(), start)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(start.Layout)
	if err != nil {
		t.Fatal(err)
	}
	local, err := model.DefaultLocal(r.Task)
	if err != nil {
		t.Fatal(err)
	}
	got := trained.Steps[0].Mean
	want := make([]float64, len(got))
	clipped := 0
	for i, watches := range r.People {
		history, _ := start.Layout.Examples(watches)
		update, _, err := m.Train(start.Params, history, local, rand.New(rand.NewPCG(r.Seed, uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		if norm, err := privacy.Clip(update, r.Clip); err != nil {
			t.Fatal(err)
		} else if norm > float64(r.Clip) {
			clipped++
		}
		if r.Out[i] {
			continue
		}
		for j, v := range update {
			want[j] += float64(v) / float64(len(r.People))
		}
	}
	if clipped == 0 {
		t.Fatal("nobody's update is longer than the bound, so that this test cannot see the clipping")
	}
	if len(got) != start.Layout.Size() || !slices.ContainsFunc(got, func(v float32) bool { return v != 0 }) {
		t.Fatalf("a mean of %d numbers for %d parameters, or all zero", len(got), start.Layout.Size())
	}
	for j := range got {
		if math.Abs(float64(got[j])-want[j]) > 1e-6 {
			t.Fatalf("coordinate %d is %v, want %v", j, got[j], want[j])
		}
	}
	if len(trained.Steps) != 1 || trained.Steps[0].Model != start || slices.Equal(trained.Serve.Params, start.Params) {
		t.Error("the steps do not lead from the start to what is served")
	}
}

// TestNoiseIsTheRounds: the mean with noise differs from the exact one by what a round of these rates would carry.
func TestNoiseIsTheRounds(t *testing.T) {
	exact, start := small(t, 20, 1)
	plain, err := exact.Train(context.Background(), start)
	if err != nil {
		t.Fatal(err)
	}
	noisy := exact
	noisy.Noise = &Noise{Z: 2, GammaBP: 500, DeltaBP: 1000}
	got, err := noisy.Train(context.Background(), start)
	if err != nil {
		t.Fatal(err)
	}
	again, err := noisy.Train(context.Background(), start)
	if err != nil || !slices.Equal(got.Serve.Params, again.Serve.Params) {
		t.Errorf("two trainings of one seed differ, %v", err)
	}
	d, squares := start.Layout.Size(), 0.0
	for j, v := range got.Steps[0].Mean {
		x := float64(v - plain.Steps[0].Mean[j])
		squares += x * x
	}
	// z·C·√(n/h_min) a coordinate over n = 20 people, of whom 17 are sure to carry noise. C_int stands for C.
	want := 2 * float64(exact.Clip) / 20 * math.Sqrt(20.0/17)
	if sd := math.Sqrt(squares / float64(d)); sd < want*0.97 || sd > want*1.2 {
		t.Errorf("noise of %v a coordinate, want about %v", sd, want)
	}
	rho, err := noisy.Noise.Rho(exact.Clip, d)
	if err != nil || math.Abs(rho-0.125) > 1e-6 {
		t.Errorf("a round at z = 2 costs ρ = %v, %v", rho, err)
	}
}

func TestTrainingStops(t *testing.T) {
	r, start := small(t, 4, 3)
	ctx, stop := context.WithCancel(context.Background())
	rounds := 0
	r.Progress = func(done, all int) error {
		if rounds++; done != rounds || all != 3 {
			t.Errorf("round %d of %d is told as %d", done, all, rounds)
		}
		stop()
		return nil
	}
	if _, err := r.Train(ctx, start); !errors.Is(err, context.Canceled) || rounds != 1 {
		t.Errorf("%v after %d rounds", err, rounds)
	}
	boom := errors.New("boom")
	r.Progress = func(int, int) error { return boom }
	if _, err := r.Train(context.Background(), start); !errors.Is(err, boom) {
		t.Error(err)
	}
	r.Task = "none"
	if _, err := r.Train(context.Background(), start); err == nil {
		t.Error("an unknown family was trained")
	}
}

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

// TestMeanIsThatOfClippedUpdates computes each person's part apart, in order.
func TestMeanIsThatOfClippedUpdates(t *testing.T) {
	r, start := small(t, 5, 1)
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
		update, _, err := model.Train(m, start.Params, history, local, rand.New(rand.NewPCG(r.Seed, uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		if norm, err := privacy.Clip(update, r.Clip); err != nil {
			t.Fatal(err)
		} else if norm > float64(r.Clip) {
			clipped++
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

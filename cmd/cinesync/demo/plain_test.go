package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// TestPlainMeanIsTheMeanOfClippedUpdates computes each person's part apart, in order.
func TestPlainMeanIsTheMeanOfClippedUpdates(t *testing.T) {
	o := asked(func(o *Options) { o.Devices, o.Seed = 5, 3 })
	w, err := makeWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := w.start(o.Task)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(snap.Layout)
	if err != nil {
		t.Fatal(err)
	}
	local, err := model.DefaultLocal(o.Task)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&show{o: o, world: w}).plainMean(m, snap, local, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, len(got))
	clipped := 0
	for i, p := range w.people {
		history, _ := snap.Layout.Examples(p.watches)
		update, _, err := m.Train(snap.Params, history, local, rand.New(rand.NewPCG(o.Seed, 4<<32|uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		if norm(update) > float64(clip(o.Task)) {
			clipped++
		}
		if _, err := privacy.Clip(update, clip(o.Task)); err != nil {
			t.Fatal(err)
		}
		for j, v := range update {
			want[j] += float64(v) / float64(len(w.people))
		}
	}
	if clipped == 0 {
		t.Fatal("nobody's update is longer than the bound, so that this test cannot see the clipping")
	}
	if len(got) != snap.Layout.Size() || !slices.ContainsFunc(got, func(v float32) bool { return v != 0 }) {
		t.Fatalf("a mean of %d numbers for %d parameters, or all zero", len(got), snap.Layout.Size())
	}
	for j := range got {
		if math.Abs(float64(got[j])-want[j]) > 1e-6 {
			t.Fatalf("coordinate %d is %v, want %v", j, got[j], want[j])
		}
	}
}

func norm(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

package attack

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// TestUpdatesAreClippedAndEachPersonsOwn computes each person's apart, in order.
func TestUpdatesAreClippedAndEachPersonsOwn(t *testing.T) {
	o := small()
	p, err := o.population()
	if err != nil {
		t.Fatal(err)
	}
	people := p.people[:5]
	r, err := usual(p.start)
	if err != nil {
		t.Fatal(err)
	}
	const seed, round = 3, 1
	got, err := r.updates(p.start, people, seed, round)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(people) {
		t.Fatalf("%d updates of %d people", len(got), len(people))
	}
	clipped := 0
	for i, watches := range people {
		history, _ := p.start.Layout.Examples(watches)
		want, _, err := model.Train(r.model, p.start.Params, history, r.local, rand.New(rand.NewPCG(seed, round<<32|uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		norm, err := privacy.Clip(want, model.DefaultClip(model.TwoTowerFamily))
		if err != nil {
			t.Fatal(err)
		}
		if norm > float64(r.clip) {
			clipped++
		}
		if !slices.Equal(got[i], want) || !slices.ContainsFunc(want, func(v float32) bool { return v != 0 }) {
			t.Errorf("person %d: another update than that of their own history, or none", i)
		}
	}
	if clipped == 0 {
		t.Error("nobody's update is longer than the bound, so that this test cannot see the clipping")
	}
	if other, err := r.updates(p.start, people, seed+1, round); err != nil || slices.Equal(got[0], other[0]) {
		t.Errorf("another seed draws the same (%v)", err)
	}
}

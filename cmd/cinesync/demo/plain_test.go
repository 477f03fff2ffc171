package demo

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/sim/learning"
)

// untold is a demo with a world and a judge, and no folder.
func untold(t *testing.T, change func(*Options)) *show {
	t.Helper()
	s := newShow(asked(change))
	var err error
	if s.world, err = makeWorld(s.o); err != nil {
		t.Fatal(err)
	}
	start, err := s.world.start(s.o.Task)
	if err != nil {
		t.Fatal(err)
	}
	if s.judge, err = newJudge(s.world, start, s.o.Seed); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestComparisonIsOfEverybodyWithoutNoise computes each person's clipped update of the first round apart, in floats: noise would show in it,
// and so would somebody left out. What is between the two is the grid, less than one of its units a person.
func TestComparisonIsOfEverybodyWithoutNoise(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"two-tower": func(o *Options) { o.Devices = 24 },
		"ncf":       func(o *Options) { o.Task, o.Devices = "ncf", 5 },
		"adapting":  func(o *Options) { o.Adapt, o.Devices = true, 12 },
	} {
		t.Run(name, func(t *testing.T) {
			s := untold(t, func(o *Options) { change(o); o.Rounds = 1 })
			c, err := s.comparison(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(c.start.Layout)
			if err != nil {
				t.Fatal(err)
			}
			want, clipped := make([]float64, c.start.Layout.Size()), 0
			for i, p := range s.world.people {
				history, _ := c.start.Layout.Examples(p.watches)
				update, _, err := model.Train(m, c.start.Params, history, c.config.Local, learning.Draws(s.o.Seed, i, 1))
				if err != nil {
					t.Fatal(err)
				}
				if norm, err := privacy.Clip(update, clip(s.o.Task)); err != nil {
					t.Fatal(err)
				} else if norm > float64(clip(s.o.Task)) {
					clipped++
				}
				for j, v := range update {
					want[j] += float64(v)
				}
			}
			if clipped == 0 {
				t.Fatal("nobody's update is longer than the bound, so that this test cannot see the clipping")
			}
			var got []int64
			c.config.Progress = func(r learning.Round) error { got = slices.Clone(r.Sum); return nil }
			if _, err := learning.Run(c.config, c.start, c.people); err != nil {
				t.Fatal(err)
			}
			off, units := 0.0, c.config.Grid.Scale()
			for j, v := range got {
				off = max(off, math.Abs(float64(v)-want[j]*units))
			}
			if most := float64(s.o.Devices) + 0.01; len(got) != len(want) || off > most {
				t.Errorf("%d of %d numbers, one of them %v grid units from the sum: want at most %v", len(got), len(want), off, most)
			}
		})
	}
}

func TestComparisonLearns(t *testing.T) {
	s := untold(t, func(o *Options) { o.Devices, o.Rounds = 24, 12 })
	worth, err := s.withoutPrivacy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if worth.HR10.Mean <= s.judge.start {
		t.Errorf("hit rate %v after training without noise, %v before", worth.HR10.Mean, s.judge.start)
	}
}

func TestComparisonStops(t *testing.T) {
	s := untold(t, func(o *Options) { o.Devices, o.Rounds = 4, 3 })
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.withoutPrivacy(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped with %v", err)
	}
	s.o.Task = "none"
	if _, err := s.withoutPrivacy(t.Context()); err == nil {
		t.Error("an unknown family was trained")
	}
}

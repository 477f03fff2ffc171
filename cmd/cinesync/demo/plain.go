package demo

import (
	"context"
	"fmt"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/sim/learning"
)

// withoutPrivacy trains the same recipe on the same histories and the same grid with no noise, no masks and nobody lost: what
// privacy and losses cost is the distance to it. It is a measurement that only the demo can make, since it invented, or was
// given, everybody's history.
func (s *show) withoutPrivacy(ctx context.Context) (evaluate.Ranking, error) {
	c, err := s.comparison(ctx)
	if err != nil {
		return evaluate.Ranking{}, fmt.Errorf("prepare the training without noise: %w", err)
	}
	trained, err := learning.Run(c.config, c.start, c.people)
	if err != nil {
		return evaluate.Ranking{}, fmt.Errorf("train without noise, to compare: %w", err)
	}
	return s.judge.measure(trained.Serve)
}

// comparison is the training without noise.
type comparison struct {
	config learning.Config
	start  *model.Snapshot
	people [][]model.Example
}

func (s *show) comparison(ctx context.Context) (c comparison, err error) {
	if c.start, err = s.world.start(s.o.Task); err != nil {
		return c, err
	}
	_, z, err := adapting(s.o)
	if err != nil {
		return c, err
	}
	c.config = learning.Config{Rounds: s.o.Rounds, Seed: s.o.Seed, Progress: func(r learning.Round) error {
		s.screen.progress("rounds once more without noise, to compare", r.Number, s.o.Rounds)
		return ctx.Err()
	}}
	if c.config.Grid, _, _, err = terms(s.o, c.start.Layout.Size(), z); err != nil {
		return c, err
	}
	if c.config.Local, err = model.DefaultLocal(s.o.Task); err != nil {
		return c, err
	}
	if c.config.Optimizer, err = model.DefaultOptimizer(s.o.Task); err != nil {
		return c, err
	}
	for _, p := range s.world.people {
		history, _ := c.start.Layout.Examples(p.watches)
		c.people = append(c.people, history)
	}
	return c, nil
}

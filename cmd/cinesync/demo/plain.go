package demo

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// withoutPrivacy trains the same recipe on the same histories with no noise, no masks and nobody lost: what privacy and
// losses cost is the distance to it. It is a measurement that only the demo can make, since it invented, or was given,
// everybody's history.
func (s *show) withoutPrivacy(ctx context.Context) (model.Metrics, error) {
	snap, err := s.world.start(s.o.Task)
	if err != nil {
		return model.Metrics{}, err
	}
	m, err := model.Open(snap.Layout)
	if err != nil {
		return model.Metrics{}, fmt.Errorf("train without privacy: %w", err)
	}
	local, err := model.DefaultLocal(s.o.Task)
	if err != nil {
		return model.Metrics{}, fmt.Errorf("train without privacy: %w", err)
	}
	opt, err := model.DefaultOptimizer(s.o.Task)
	if err != nil {
		return model.Metrics{}, fmt.Errorf("train without privacy: %w", err)
	}
	serve := snap
	for round := range s.o.Rounds {
		if err := ctx.Err(); err != nil {
			return model.Metrics{}, err
		}
		s.screen.progress("rounds once more without noise, to compare", round, s.o.Rounds)
		mean, err := s.plainMean(m, snap, local, round)
		if err != nil {
			return model.Metrics{}, fmt.Errorf("train without privacy: %w", err)
		}
		if snap, serve, err = opt.Apply(snap, mean, round, s.o.Rounds); err != nil {
			return model.Metrics{}, fmt.Errorf("train without privacy: %w", err)
		}
	}
	return model.Evaluate(serve, s.judge.cases)
}

// plainMean is the mean of everybody's clipped update.
func (s *show) plainMean(m model.Model, snap *model.Snapshot, local model.Local, round int) ([]float32, error) {
	people := s.world.people
	updates, errs := make([][]float32, len(people)), make([]error, len(people))
	par.Do(len(people), func(i int) {
		history, _ := snap.Layout.Examples(people[i].watches)
		updates[i], _, errs[i] = m.Train(snap.Params, history, local, rand.New(rand.NewPCG(s.o.Seed, uint64(round)<<32|uint64(i))))
		if errs[i] == nil {
			_, errs[i] = privacy.Clip(updates[i], clip(s.o.Task))
		}
	})
	sum := make([]float64, snap.Layout.Size())
	for i, update := range updates {
		if errs[i] != nil {
			return nil, errs[i]
		}
		for j, v := range update {
			sum[j] += float64(v)
		}
	}
	mean := make([]float32, len(sum))
	for j, v := range sum {
		mean[j] = float32(v / float64(len(people)))
	}
	return mean, nil
}

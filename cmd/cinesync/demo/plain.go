package demo

import (
	"context"

	"github.com/cinesync/cinesync/cmd/cinesync/central"
	"github.com/cinesync/cinesync/model/evaluate"
)

// withoutPrivacy trains the same recipe on the same histories with no noise, no masks and nobody lost: what privacy and
// losses cost is the distance to it. It is a measurement that only the demo can make, since it invented, or was given,
// everybody's history.
func (s *show) withoutPrivacy(ctx context.Context) (evaluate.Ranking, error) {
	snap, err := s.world.start(s.o.Task)
	if err != nil {
		return evaluate.Ranking{}, err
	}
	recipe := central.Recipe{Task: s.o.Task, Rounds: s.o.Rounds, Clip: clip(s.o.Task), Seed: s.o.Seed, Progress: func(done, all int) error {
		s.screen.progress("rounds once more without noise, to compare", done, all)
		return nil
	}}
	for _, p := range s.world.people {
		recipe.People = append(recipe.People, p.watches)
	}
	trained, err := recipe.Train(ctx, snap)
	if err != nil {
		return evaluate.Ranking{}, err
	}
	return s.judge.measure(trained.Serve)
}

package attack

import (
	"context"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/cmd/cinesync/central"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim"
)

// federation trains the model in simulated rounds of the real machines: what is attacked is what they published.
type federation struct {
	p       *population
	recipe  central.Recipe
	model   model.Model
	local   model.Local
	opt     *model.Optimizer
	snap    *model.Snapshot
	out     *central.Trained
	round   uint64      // whose updates there are
	updates [][]float32 // everybody's to snap, clipped
	units   uint64      // that the rounds' records say they cost
}

// train runs the rounds. Who is out takes part with zeros, as in the claim.
func (p *population) train(ctx context.Context, recipe central.Recipe, noise sim.Noise, progress func() error) (*federation, error) {
	f := &federation{p: p, recipe: recipe, snap: p.start, out: &central.Trained{Serve: p.start}}
	var err error
	if f.model, err = model.Open(p.start.Layout); err != nil {
		return nil, err
	}
	if f.local, err = model.DefaultLocal(recipe.Task); err != nil {
		return nil, err
	}
	opt, err := model.DefaultOptimizer(recipe.Task)
	if err != nil {
		return nil, err
	}
	f.opt = &opt
	seen, err := sim.Observe(sim.Config{Seed: recipe.Seed, Devices: len(p.people), Min: leastPeople, DeltaBP: 1000, Rounds: recipe.Rounds, D: p.start.Layout.Size(),
		Mode: aggregation.ModeW, Shipped: true}, sim.Study{Update: f.update, Noise: noise, Sent: ctx.Err,
		Published: func(s sim.Published) error {
			if err := f.published(s); err != nil {
				return err
			}
			return progress()
		}})
	if err != nil {
		return nil, err
	}
	for i, r := range seen.Rounds {
		if !r.Done {
			return nil, fmt.Errorf("round %d was aborted: %s", i+1, r.Reason)
		}
	}
	return f, nil
}

// update gives a device what its owner's history teaches, in units of the clip.
func (f *federation) update(u []float32, device int, round uint64) error {
	if f.round != round {
		var err error
		if f.updates, err = f.recipe.Updates(f.model, f.snap, f.local, f.recipe.Seed, int(round)-1); err != nil {
			return err
		}
		f.round = round
	}
	if !f.p.in[device] {
		return nil
	}
	for j, v := range f.updates[device] {
		u[j] = v / f.recipe.Clip
	}
	return nil
}

// published steps the model as a coordinator does.
func (f *federation) published(s sim.Published) error {
	mean := s.Grid().Mean(s.Sum, s.Included)
	for j := range mean {
		mean[j] *= f.recipe.Clip
	}
	f.out.Steps = append(f.out.Steps, central.Step{Model: f.snap, Mean: mean})
	f.units += s.Open.RhoUnits
	var err error
	f.snap, f.out.Serve, err = f.opt.Apply(f.snap, mean, len(f.out.Steps)-1, f.recipe.Rounds)
	return err
}

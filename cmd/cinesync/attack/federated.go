package attack

import (
	"context"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim"
)

// federation trains the model in simulated rounds of the real machines: what is attacked is what they published.
type federation struct {
	recipe
	p       *population
	seed    uint64
	steps   []step
	snap    *model.Snapshot // of the round that is under way
	serve   *model.Snapshot
	round   uint64      // whose updates there are
	updated [][]float32 // everybody's to snap, clipped
	units   uint64      // that the rounds' records say they cost
}

// step is what one round started from and published.
type step struct {
	model *model.Snapshot
	mean  []float32 // of the updates, as decoded from the sum
}

// train runs the rounds. Who is out takes part with zeros, as in the claim.
func (p *population) train(ctx context.Context, seed uint64, noise sim.Noise, progress func() error) (*federation, error) {
	f := &federation{p: p, seed: seed, snap: p.start, serve: p.start}
	var err error
	if f.recipe, err = usual(p.start); err != nil {
		return nil, err
	}
	seen, err := sim.Observe(sim.Config{Seed: seed, Devices: len(p.people), Min: leastPeople, DeltaBP: 1000, Rounds: trainingRounds, D: p.start.Layout.Size(),
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
		if f.updated, err = f.updates(f.snap, f.p.people, f.seed, int(round)-1); err != nil {
			return err
		}
		f.round = round
	}
	if !f.p.in[device] {
		return nil
	}
	for j, v := range f.updated[device] {
		u[j] = v / f.clip
	}
	return nil
}

// published steps the model as a coordinator does.
func (f *federation) published(s sim.Published) error {
	mean := s.Grid().Mean(s.Sum, s.Included)
	for j := range mean {
		mean[j] *= f.clip
	}
	f.steps = append(f.steps, step{f.snap, mean})
	f.units += s.Open.RhoUnits
	var err error
	f.snap, f.serve, err = f.opt.Apply(f.snap, mean, len(f.steps)-1, trainingRounds)
	return err
}

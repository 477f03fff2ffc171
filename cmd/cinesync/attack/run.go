package attack

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/sim"
	"github.com/cinesync/cinesync/sim/canary"
)

// The names of a run's noise.
const (
	whole = "whole"
	tenth = "a tenth"
	none  = "none"
)

// levels are the noises of all runs: how much of the shipped policy's.
var levels = [...]struct {
	name  string
	noise sim.Noise
}{{whole, sim.Whole}, {tenth, sim.Tenth}, {none, sim.None}}

// Run attacks everything.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	r := &Report{Seed: o.Seed, Machine: fmt.Sprintf("%s/%s, %d cores, no GPU", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		Day: time.Now().UTC().Format(time.DateOnly), Delta: Delta, Level: 1 - canary.Significance, Unit: unit, Towards: towards}
	if o.Data != "" {
		r.Data = filepath.Base(o.Data)
	}
	var err error
	if r.People, err = o.members(ctx); err != nil {
		return nil, fmt.Errorf("membership inference: %w", err)
	}
	if r.Canaries, err = o.canaries(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// told adds up the steps of runs that go on beside each other.
type told struct {
	mu   sync.Mutex
	what string
	done int
	all  int
	tell func(what string, done, all int)
}

// step counts one and ends the run where somebody asked for that.
func (t *told) step(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done++; t.tell != nil {
		t.tell(t.what, t.done, t.all)
	}
	return ctx.Err()
}

// canaries runs a federation for each level of noise, two at a time: they are large.
func (o *Options) canaries(ctx context.Context) ([]*CanaryRun, error) {
	steps := &told{what: "steps of canary devices", all: len(levels) * o.Canaries * o.Rounds * sim.Steps, tell: o.Progress}
	out := make([]*CanaryRun, len(levels))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i, l := range levels {
		group.Go(func() error {
			f, err := canary.Run(canary.Plan{Seed: o.Seed, Canaries: o.Canaries, Rounds: o.Rounds, Noise: l.noise, Delta: Delta,
				Progress: func(int, int) error { return steps.step(ctx) }})
			if err != nil {
				return fmt.Errorf("noise %s: %w", l.name, err)
			}
			attack, err := inference(f.Scores, f.Bound)
			out[i] = &CanaryRun{Noise: l.name, Canaries: f.Canaries, In: f.In, Rounds: f.Rounds, D: f.D, Z: f.Z, Rho: f.Rho,
				Claimed: f.Claimed, Estimate: f.Estimate, Caught: f.Caught(), Attack: attack}
			return err
		})
	}
	return out, group.Wait()
}

// members trains the model at each level of noise and looks for who was in.
func (o *Options) members(ctx context.Context) ([]*PeopleRun, error) {
	p, err := o.population()
	if err != nil {
		return nil, err
	}
	steps := &told{what: "rounds of training and attack", all: 2 * len(levels) * trainingRounds, tell: o.Progress}
	var out []*PeopleRun
	for _, l := range levels {
		run, err := p.trainAndAttack(ctx, o, l.noise, func() error { return steps.step(ctx) })
		if err != nil {
			return nil, err
		}
		run.Noise = l.name
		out = append(out, run)
	}
	return out, nil
}

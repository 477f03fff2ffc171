package central

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// Recipe is a training of so many rounds.
type Recipe struct {
	Task   string // model family
	Rounds int
	Clip   float32
	Seed   uint64
	People [][]model.Watch // histories, oldest first
	// Progress hears of every round that is done and ends the training with an error. It may be nil.
	Progress func(done, all int) error
}

// Step is what one round started from and published.
type Step struct {
	Model *model.Snapshot
	Mean  []float32 // of the updates, as decoded from the sum
}

// Trained is how a training went: what is served in the end, and every round.
type Trained struct {
	Serve *model.Snapshot
	Steps []Step
}

// Train runs the rounds from a start.
func (r Recipe) Train(ctx context.Context, start *model.Snapshot) (*Trained, error) {
	m, err := model.Open(start.Layout)
	if err != nil {
		return nil, fmt.Errorf("train at one place: %w", err)
	}
	local, err := model.DefaultLocal(r.Task)
	if err != nil {
		return nil, fmt.Errorf("train at one place: %w", err)
	}
	opt, err := model.DefaultOptimizer(r.Task)
	if err != nil {
		return nil, fmt.Errorf("train at one place: %w", err)
	}
	snap, out := start, &Trained{Serve: start}
	for round := range r.Rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		updates, err := r.Updates(m, snap, local, r.Seed, round)
		if err != nil {
			return nil, fmt.Errorf("train at one place: %w", err)
		}
		mean := mean(updates)
		out.Steps = append(out.Steps, Step{snap, mean})
		if snap, out.Serve, err = opt.Apply(snap, mean, round, r.Rounds); err != nil {
			return nil, fmt.Errorf("train at one place: %w", err)
		}
		if r.Progress == nil {
			continue
		}
		if err := r.Progress(round+1, r.Rounds); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Updates are everybody's clipped updates to a model.
func (r Recipe) Updates(m model.Model, snap *model.Snapshot, local model.Local, seed uint64, round int) ([][]float32, error) {
	updates, errs := make([][]float32, len(r.People)), make([]error, len(r.People))
	par.Do(len(r.People), func(i int) {
		history, _ := snap.Layout.Examples(r.People[i])
		updates[i], _, errs[i] = model.Train(m, snap.Params, history, local, rand.New(rand.NewPCG(seed, uint64(round)<<32|uint64(i))))
		if errs[i] == nil {
			_, errs[i] = privacy.Clip(updates[i], r.Clip)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return updates, nil
}

// mean is that of everybody.
func mean(updates [][]float32) []float32 {
	sum := make([]float64, len(updates[0]))
	for _, update := range updates {
		for j, v := range update {
			sum[j] += float64(v)
		}
	}
	out := make([]float32, len(sum))
	for j, v := range sum {
		out[j] = float32(v / float64(len(updates)))
	}
	return out
}

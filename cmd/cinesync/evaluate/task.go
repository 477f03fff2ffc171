package evaluate

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/cinesync/train"
	"github.com/cinesync/cinesync/model"
	judging "github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
	"github.com/cinesync/cinesync/sim/learning"
)

// ByTask trains as a task says, in the fast learning mode. The titles of a bare split are numbers: nothing public is known of
// them, so item vectors start as small random ones, the same for every seed.
type ByTask struct {
	Task *task.Task
	Base *task.Task // of the two-tower that a head is trained over; nil for the other families
}

// For fits a task to a split (task.Fit), with item vectors that start random, and the base of a head with its own rounds.
func For(t *task.Task, rounds int, s split.Train) (ByTask, error) {
	people := len(examples(s))
	own, err := bare(t, rounds, people)
	if err != nil || !t.Model.Head() {
		return ByTask{Task: own}, err
	}
	base, err := task.Named(t.Model.Base)
	if err == nil {
		base, err = bare(base, 0, people)
	}
	if err != nil {
		return ByTask{}, fmt.Errorf("model.base: %w", err)
	}
	return ByTask{own, base}, nil
}

// bare fits a task to people and titles that are numbers, of which nothing is known.
func bare(t *task.Task, rounds, people int) (*task.Task, error) {
	own := *t
	own.Model.Start, own.Model.Fresh = task.Random, false
	return own.Fit(rounds, people)
}

// Quiet is the same training without noise, nil where there is none to leave out: what noise costs is the distance to it.
func (b ByTask) Quiet() Trainer {
	if b.Task.Noise.None() {
		return nil
	}
	return ByTask{b.Task.Quiet(), b.Base}
}

// Train implements Trainer.
func (b ByTask) Train(ctx context.Context, t split.Train, seed uint64, progress func(done, all int)) (*Trained, error) {
	items := make([]string, t.Items)
	for i := range items {
		items[i] = "item:" + strconv.Itoa(i)
	}
	job, err := b.job(items, examples(t))
	if err != nil {
		return nil, err
	}
	job.Progress = func(r learning.Round) error {
		progress(r.Number, b.Task.Rounds.Count)
		return nil
	}
	result, err := job.Fit(ctx, seed)
	if err != nil {
		return nil, err
	}
	out := &Trained{Model: result.Serve, Rounds: len(result.Rounds), BytesPerUser: float64(job.Traffic().Total)}
	if a := job.Terms.Account; a != nil {
		out.Epsilon, out.Delta, out.Unit, out.Sampling = &a.Epsilon, &a.Delta, a.Unit, a.Sampling
	}
	out.Scorer, err = judging.OfSnapshot(result.Serve)
	return out, err
}

func (b ByTask) job(items []string, people [][]model.Example) (*train.Job, error) {
	if b.Base != nil {
		return train.NewHead(b.Task, b.Base, items, nil, people)
	}
	return train.NewJob(b.Task, items, nil, people)
}

// examples are the histories as trainers take them; who has none takes no part.
func examples(t split.Train) [][]model.Example {
	var out [][]model.Example
	for _, h := range t.Histories {
		if len(h) == 0 {
			continue
		}
		one := make([]model.Example, len(h))
		for i, item := range h {
			one[i].Item = item
		}
		out = append(out, one)
	}
	return out
}

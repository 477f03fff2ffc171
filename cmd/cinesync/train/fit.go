package train

import (
	"context"
	"fmt"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim/learning"
)

// Job is one training of a task: the same start for every seed, and the people, whose held-out titles it has no way to see.
type Job struct {
	Task   *task.Task
	Terms  *task.Terms
	Start  *model.Snapshot
	People [][]model.Example
	Engine Engine // nil: the hand-written one
	// Progress hears of every round, with the model that would be served. It may be nil.
	Progress func(learning.Round) error
}

// Engine makes a trainer for one round's model.
type Engine interface {
	Trainer(s *model.Snapshot) (model.Trainer, error)
}

// NewJob fixes terms and start.
func NewJob(t *task.Task, items []string, features [][]float32, people [][]model.Example) (*Job, error) {
	start, err := t.Model.New(items, features)
	if err != nil {
		return nil, err
	}
	terms, err := t.Terms(t.LocalFunction().Words(start.Layout), len(items), len(people))
	if err != nil {
		return nil, err
	}
	return &Job{Task: t, Terms: terms, Start: start, People: people}, nil
}

// Fit trains with one seed. Where training leaves the numbers the result is what was good before, beside the error, which names round and tensor.
func (j *Job) Fit(ctx context.Context, seed uint64) (*learning.Result, error) {
	start := j.Start
	if j.Terms.Question.Asked {
		var err error
		if start, err = j.popular(seed); err != nil {
			return nil, fmt.Errorf("popularity question: %w", err)
		}
	}
	cfg := j.Task.Learning(j.Terms, seed)
	if j.Engine != nil {
		cfg.Engine = j.Engine.Trainer
	}
	cfg.Progress = func(r learning.Round) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if j.Progress != nil {
			return j.Progress(r)
		}
		return nil
	}
	return learning.Run(cfg, start, j.People)
}

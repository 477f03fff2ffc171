package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim/learning"
)

// Job is one training of a task: the same start for every seed, and the people, whose held-out titles it has no way to see.
type Job struct {
	Task   *task.Task
	Terms  *task.Terms
	Start  *model.Snapshot
	Base   *Job // of the two-tower that a head is trained over; nil for the other families. After Fit, Start is over that training's model
	People [][]model.Example
	Engine Engine // nil: the hand-written one
	// Backend trains the rounds at another place, in place of an engine, and Fallback hears where it fails; nil: here (learning.Config).
	Backend  learning.Backend
	Fallback func(round int, err error)
	// Features are the titles' public facts, where fresh ones are served by them (model.fresh).
	Features [][]float32
	// Progress hears of every round, with the model that would be served. It may be nil.
	Progress func(learning.Round) error
}

// Engine makes a trainer for one round's model.
type Engine interface {
	Trainer(s *model.Snapshot) (model.Trainer, error)
}

// NewJob fixes terms and start.
func NewJob(t *task.Task, items []string, features [][]float32, people [][]model.Example) (*Job, error) {
	if t.Model.Head() {
		b, err := task.Named(t.Model.Base)
		if err == nil {
			b, err = b.Fit(0, len(people)) // nobody can write another cohort into it
		}
		if err != nil {
			return nil, fmt.Errorf("model.base: %w", err)
		}
		return NewHead(t, b, items, features, people)
	}
	start, err := t.Model.New(items, features)
	if err != nil {
		return nil, err
	}
	j, err := over(t, start, people)
	if err != nil {
		return nil, err
	}
	if t.Model.Fresh {
		j.Features = features
	}
	return j, nil
}

// NewHead makes the job of a head and that of its base's task b, which is trained first with the same seed. NewJob takes the one that model.base
// names.
func NewHead(t, b *task.Task, items []string, features [][]float32, people [][]model.Example) (*Job, error) {
	switch {
	case b.Model.Family != model.TwoTowerFamily:
		return nil, fmt.Errorf("model.base: task %s is of family %s: want the task of a two-tower", b.Name, b.Model.Family)
	case b.Model.Dim != t.Model.Dim || !slices.Equal(b.Model.Ages, t.Model.Ages) || b.Model.Start != t.Model.Start:
		return nil, fmt.Errorf("model.base: task %s has width %d, channels %v and start %s: write the same into task %s", b.Name, b.Model.Dim, b.Model.Ages, b.Model.Start, t.Name)
	case !t.Noise.None() || !b.Noise.None():
		return nil, fmt.Errorf("model.base: tasks %s and %s train one after the other, and what both cost together is not added up yet: leave the noise out", b.Name, t.Name)
	}
	base, err := NewJob(b, items, features, people)
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	start, err := t.Model.Over(base.Start)
	if err != nil {
		return nil, err
	}
	job, err := over(t, start, people)
	if err != nil {
		return nil, err
	}
	job.Base = base
	return job, nil
}

func over(t *task.Task, start *model.Snapshot, people [][]model.Example) (*Job, error) {
	items := start.Layout.Items
	terms, err := t.Terms(t.LocalFunction().Words(start.Layout), len(items), len(people))
	if err != nil {
		return nil, err
	}
	return &Job{Task: t, Terms: terms, Start: start, People: people}, nil
}

// Fitted is a training's result. Serve is what is to be served: where fresh titles are foretold, with their rows, and Trained without.
type Fitted struct {
	*learning.Result
	Trained *model.Snapshot
}

// Fit trains with one seed. Where training leaves the numbers the result is what was good before, beside the error, which names round and tensor.
func (j *Job) Fit(ctx context.Context, seed uint64) (*Fitted, error) {
	if j.Base != nil {
		j.Base.Engine, j.Base.Backend, j.Base.Fallback = j.Engine, j.Backend, j.Fallback
		result, err := j.Base.Fit(ctx, seed)
		if err != nil {
			return nil, fmt.Errorf("base: %w", err)
		}
		if j.Start, err = j.Task.Model.Over(result.Serve); err != nil {
			return nil, err
		}
	}
	start := j.Start
	var asked model.Histogram
	if j.Terms.Question.Asked {
		var err error
		if asked, err = j.ask(seed); err == nil {
			start, err = j.popular(asked)
		}
		if err != nil {
			return nil, fmt.Errorf("popularity question: %w", err)
		}
	}
	cfg := j.Task.Learning(j.Terms, seed)
	if j.Engine != nil {
		cfg.Engine = j.Engine.Trainer
	}
	cfg.Backend, cfg.Fallback = j.Backend, j.Fallback
	cfg.Progress = func(r learning.Round) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if j.Progress != nil {
			return j.Progress(r)
		}
		return nil
	}
	result, err := learning.Run(cfg, start, j.People)
	if result == nil {
		return nil, err
	}
	out := &Fitted{Result: result, Trained: result.Serve}
	if err == nil && j.Features != nil {
		result.Serve, err = model.Fresh{Features: j.Features, Support: asked.Sum, Least: deviations * asked.Noise}.Apply(out.Trained)
	}
	return out, err
}

// deviations of the question's noise below which a title counts as one that nobody watched.
const deviations = 3

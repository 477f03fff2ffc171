package evaluate

import (
	"context"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	judging "github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
)

// Trainer makes a model from what training may see.
type Trainer interface {
	Train(ctx context.Context, t split.Train, seed uint64, progress func(done, all int)) (*Trained, error)
}

// Trained is a training's outcome after its last round.
type Trained struct {
	Scorer       judging.Scorer
	Model        *model.Snapshot // that the scorer scores with; nil: it is none of ours
	Rounds       int
	BytesPerUser float64  // up and down over all rounds, the mean user's
	Epsilon      *float64 // of one user over all rounds; nil: trained without noise, and nothing is promised
	Delta        *float64
	Unit         string // of what ε protects, and what it takes of sampling; empty without noise
	Sampling     string
}

// Options are a run's.
type Options struct {
	Task     string     // as it was named
	Fitted   *task.Task // as it is trained, for the report; nil: the trainer follows no task
	Trainer  Trainer
	Quiet    Trainer // the same without noise, beside every private figure; nil: the trainer has none
	Split    *split.Split
	Kind     string        // of the split, in words
	Seed     uint64        // of the first training, the judge and the baselines
	Seeds    int           // trainings, with Seed, Seed+1, …
	NeuMF    bool          // train the published NeuMF at one place too, which takes long
	Judge    judging.Bench // measures models of ours; nothing of it: the CPU does
	Progress func(what string, done, all int)
}

// Run trains once a seed, judges each last round, and puts the baselines beside.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Seeds < 1 {
		return nil, fmt.Errorf("--seeds is %d: want 1 or more", o.Seeds)
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	judge, err := judging.New(o.Split, judging.Options{Seed: o.Seed})
	if err != nil {
		return nil, err
	}
	r := newReport(o)
	err = o.each(ctx, judge, o.Trainer, "training", r.add)
	if err == nil && o.Quiet != nil {
		err = o.each(ctx, judge, o.Quiet, "training without noise", r.addQuiet)
	}
	if err != nil {
		return nil, err
	}
	if err := r.baselines(ctx, judge, o); err != nil {
		return nil, err
	}
	r.finish()
	return r, r.Check()
}

// each trains and judges once a seed.
func (o Options) each(ctx context.Context, judge *judging.Judge, by Trainer, what string, take func(uint64, *Trained, *judging.Result)) error {
	for i := range o.Seeds {
		seed := o.Seed + uint64(i)
		trained, err := by.Train(ctx, o.Split.Train, seed, func(done, all int) {
			o.Progress(fmt.Sprintf("rounds, %s %d of %d", what, i+1, o.Seeds), done, all)
		})
		if err != nil {
			return fmt.Errorf("train with seed %d: %w", seed, err)
		}
		result, err := o.measure(ctx, judge, trained)
		if err != nil {
			return fmt.Errorf("judge the model of seed %d: %w", seed, err)
		}
		take(seed, trained, result)
	}
	return nil
}

// measure judges on a backend where there is one for models of ours, and otherwise here until the context ends.
func (o Options) measure(ctx context.Context, judge *judging.Judge, trained *Trained) (*judging.Result, error) {
	if trained.Model != nil && o.Judge.Open != nil {
		return o.Judge.Measure(judge, trained.Model)
	}
	return judge.Measure(until{ctx, trained.Scorer})
}

// rival is a baseline to be trained.
type rival struct {
	name string
	make func(t split.Train, seed uint64, stop baseline.Stop) (judging.Scorer, error)
}

// popularity is the rival that every model has to beat.
const popularity = "popularity"

func rivals(neumf bool) []rival {
	all := []rival{
		{"random", func(_ split.Train, seed uint64, _ baseline.Stop) (judging.Scorer, error) {
			return baseline.NewRandom(seed), nil
		}},
		{popularity, func(t split.Train, _ uint64, _ baseline.Stop) (judging.Scorer, error) {
			return baseline.NewPopularity(t), nil
		}},
		{"ItemKNN", func(t split.Train, _ uint64, stop baseline.Stop) (judging.Scorer, error) {
			return baseline.NewItemKNN(t, baseline.KNNOptions{Stop: stop})
		}},
		{"EASE", func(t split.Train, _ uint64, stop baseline.Stop) (judging.Scorer, error) {
			return baseline.NewEASE(t, baseline.DefaultLambda, stop)
		}},
		{"iALS", func(t split.Train, seed uint64, stop baseline.Stop) (judging.Scorer, error) {
			return baseline.NewIALS(t, baseline.IALSOptions{Seed: seed, Stop: stop})
		}},
	}
	if neumf {
		all = append(all, rival{"NeuMF", func(t split.Train, seed uint64, stop baseline.Stop) (judging.Scorer, error) {
			return baseline.NewNeuMF(t, baseline.NeuMFOptions{Seed: seed, Stop: stop})
		}})
	}
	return all
}

// until is a scorer whose measuring ends with a context.
type until struct {
	ctx context.Context
	judging.Scorer
}

// Scores implements judging.Scorer.
func (u until) Scores(user int, history []int, dst []float32) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	return u.Scorer.Scores(user, history, dst)
}

// baselines trains and judges the rivals. One that does not take so large a catalogue is named with its reason.
func (r *Report) baselines(ctx context.Context, judge *judging.Judge, o Options) error {
	all := rivals(o.NeuMF)
	for i, rival := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		o.Progress("baselines, "+rival.name, i, len(all))
		scorer, err := rival.make(o.Split.Train, o.Seed, ctx.Err)
		if errors.Is(err, baseline.ErrTooLarge) {
			r.Skipped = append(r.Skipped, Skipped{rival.name, err.Error()})
			continue
		}
		if err != nil {
			return fmt.Errorf("baseline %s: %w", rival.name, err)
		}
		result, err := judge.Measure(until{ctx, scorer})
		if err != nil {
			return fmt.Errorf("judge baseline %s: %w", rival.name, err)
		}
		r.Baselines = append(r.Baselines, Row{Name: rival.name, Figures: flat(result), Result: result})
	}
	return nil
}

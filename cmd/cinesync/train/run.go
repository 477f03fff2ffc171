package train

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/internal/titles"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/sim/learning"
)

// Options are a run's.
type Options struct {
	Task    *task.Task
	Data    *Data
	Seeds   int    // how many of the task's; 0: all
	Engine  Engine // nil: the hand-written one
	Curve   Curve  // what to draw accuracy against; zero: nothing
	Command string // that repeats the run, for the report
	// Backend trains in place of the hand-written engine, on the GPU that GPU names; nil: the CPU does. Where it fails the CPU takes over, Told
	// hears why, and the report says so. Told may be nil.
	Backend learning.Backend
	GPU     string
	Told    func(error)
	// Judge measures what was trained; nothing of it: the CPU does.
	Judge evaluate.Bench
	// Progress hears how far what has come. It may be nil.
	Progress func(what string, done, all int)
}

// Diverged is a training that left the numbers. Good is the last good model of its seed.
type Diverged struct {
	Seed uint64
	Good *model.Snapshot
	err  error
}

// Error names seed, round and tensor.
func (d *Diverged) Error() string { return fmt.Sprintf("seed %d: %v", d.Seed, d.err) }

// Unwrap is learning's error.
func (d *Diverged) Unwrap() error { return d.err }

// Aside is a later seed, a comparison or a point of a curve that failed after the first seed's training was done. Run gives it beside the
// report, as far as it came, and the finished model. It is no Diverged whatever it wraps: a training that is only compared with is not to be kept.
type Aside struct{ err error }

// Error names what failed.
func (a *Aside) Error() string { return fmt.Sprintf("the model is trained, but %v", a.err) }

// Is tells of what is wrapped, for example learning.ErrDiverged or a context's end, without handing out a model.
func (a *Aside) Is(target error) bool { return errors.Is(a.err, target) }

// bench is one run's judge and what does not change over its trainings.
type bench struct {
	o        Options
	items    []string
	features [][]float32
	people   [][]model.Example
	judge    *evaluate.Judge // nil where nothing is held out
	place    *place
}

// Run trains with every seed, judges the last round of each, and trains again without noise. The model is the first seed's. An Aside comes
// with report and model: where a later seed failed, the report is of the seeds before it, and nothing else is trained.
func Run(ctx context.Context, o Options) (*Report, *model.Snapshot, error) {
	b, err := newBench(o)
	if err != nil {
		return nil, nil, err
	}
	seeds := o.Task.Run.Seeds
	if o.Seeds > 0 {
		if seeds, err = firstSeeds(seeds, o.Seeds); err != nil {
			return nil, nil, err
		}
	}
	job, err := b.job(o.Task)
	if err != nil {
		return nil, nil, err
	}
	r := b.report(job, seeds)
	result, served, broken := b.train(ctx, job, seeds, "training")
	if len(result) == 0 {
		return nil, nil, broken
	}
	r.Runs, r.Seeds, r.By = result, seeds[:len(result)], b.place.by()
	if b.judge == nil {
		r.Unjudged = "nothing is held out (data.hold_out), and so nothing judged this model: hold out newest titles to see what it is worth"
	} else if err := b.compare(r, job); err != nil {
		return nil, nil, err
	}
	switch {
	case broken != nil:
		return r, served, r.fail(fmt.Errorf("the report has only seed %s of %s: %w", list(r.Seeds), list(seeds), broken))
	case b.judge == nil:
		return r, served, nil
	}
	err = b.aside(ctx, r, job, seeds)
	r.By = b.place.by()
	return r, served, err
}

func newBench(o Options) (*bench, error) {
	b := &bench{o: o, items: titles.IDs(o.Data.Titles), people: examples(o.Data.Split.Train), place: &place{Backend: o.Backend, name: o.GPU, told: o.Told}}
	var err error
	if o.Task.Model.Start == task.Content || o.Task.Model.Fresh {
		if b.features, err = titles.Features(o.Data.Titles); err != nil {
			return nil, fmt.Errorf("content of titles: %w", err)
		}
	}
	if len(o.Data.Split.Cases) > 0 {
		b.judge, err = evaluate.New(o.Data.Split, evaluate.Options{Seed: judgeSeed})
	}
	return b, err
}

// firstSeeds are so many of the task's.
func firstSeeds(seeds []uint64, n int) ([]uint64, error) {
	if n > len(seeds) {
		return nil, fmt.Errorf("--seeds is %d, and the task has %d (run.seeds): ask for fewer, or write more into the task", n, len(seeds))
	}
	return seeds[:n], nil
}

func (b *bench) job(t *task.Task) (*Job, error) {
	job, err := NewJob(t, b.items, b.features, b.people)
	if err != nil {
		return nil, err
	}
	job.Engine = b.o.Engine
	b.place.take(job)
	return job, nil
}

// train runs a job once a seed and judges what it would serve in the end. With an error it gives the seeds that were done before, and the
// first one's model.
func (b *bench) train(ctx context.Context, job *Job, seeds []uint64, what string) ([]Single, *model.Snapshot, error) {
	var out []Single
	var first *model.Snapshot
	for i, seed := range seeds {
		job.Progress = func(r learning.Round) error {
			b.tell(what, i*job.Task.Rounds.Count+r.Number, len(seeds)*job.Task.Rounds.Count)
			return nil
		}
		result, err := job.Fit(ctx, seed)
		switch {
		case errors.Is(err, learning.ErrDiverged) && result != nil:
			return out, first, &Diverged{Seed: seed, Good: result.Serve, err: err}
		case err != nil:
			return out, first, fmt.Errorf("seed %d: %w", seed, err)
		}
		one, err := b.single(job, seed, result)
		if err != nil {
			return out, first, fmt.Errorf("seed %d: %w", seed, err)
		}
		if first == nil {
			first = result.Serve
		}
		out = append(out, one)
	}
	return out, first, nil
}

// single judges one seed's training.
func (b *bench) single(job *Job, seed uint64, f *Fitted) (Single, error) {
	one := Single{Seed: seed}
	if n := len(f.Rounds); n > 0 {
		last := f.Rounds[n-1]
		one.Loss, one.Norm, one.Clipped = last.Loss, last.Norm, float64(last.Clipped)/float64(max(1, last.Members))
	}
	if b.judge == nil {
		return one, nil
	}
	var err error
	if one.result, err = b.measure(f.Serve); err != nil {
		return one, err
	}
	one.Figures = flat(one.result)
	if job.Features == nil {
		return one, nil
	}
	trained, err := b.measure(f.Trained)
	if err != nil {
		return one, err
	}
	one.Trained = new(flat(trained))
	return one, nil
}

func (b *bench) measure(s *model.Snapshot) (*evaluate.Result, error) {
	return b.o.Judge.Measure(b.judge, s)
}

func (b *bench) tell(what string, done, all int) {
	if b.o.Progress != nil {
		b.o.Progress(what, done, all)
	}
}

// aside trains what the finished training is compared with. What fails here leaves that as it is.
func (b *bench) aside(ctx context.Context, r *Report, job *Job, seeds []uint64) error {
	var failed []error
	if err := b.quiet(ctx, r, job, seeds); err != nil {
		failed = append(failed, fmt.Errorf("the same without noise failed: %w", err))
	}
	if c := b.o.Curve; c.Against != "" && ctx.Err() == nil {
		points, err := b.curve(ctx, c, seeds)
		if err != nil {
			failed = append(failed, fmt.Errorf("the curve failed: %w", err))
		} else {
			r.Against, r.Points = c.Against, points
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return r.fail(errors.Join(failed...))
}

// fail notes what the report is without.
func (r *Report) fail(err error) error {
	out := &Aside{err}
	r.Failed = out.Error()
	return out
}

// compare puts popularity, chance and the start beside.
func (b *bench) compare(r *Report, job *Job) error {
	popular, err := b.judge.Measure(baseline.NewPopularity(b.judge.Split().Train))
	if err != nil {
		return err
	}
	r.Popularity = new(flat(popular))
	chance, err := b.judge.Measure(baseline.NewRandom(judgeSeed))
	if err != nil {
		return err
	}
	r.Random = new(flat(chance))
	r.Loses = r.Runs[0].result.Losses(popular)
	r.Spread, r.Trained = spread(r.Runs), untouched(r.Runs)
	r.Figures = r.Spread.means()
	start, err := b.measure(job.Start)
	if err != nil {
		return err
	}
	r.Start = new(flat(start))
	return nil
}

// quiet trains the same without noise, where there is some.
func (b *bench) quiet(ctx context.Context, r *Report, job *Job, seeds []uint64) error {
	if job.Terms.Account == nil {
		return nil
	}
	quiet, err := b.job(job.Task.Quiet())
	if err != nil {
		return err
	}
	runs, _, err := b.train(ctx, quiet, seeds, "the same without noise")
	if err != nil {
		return err
	}
	s := spread(runs)
	r.Quiet = &s
	return nil
}

// report is what is known before training.
func (b *bench) report(job *Job, seeds []uint64) *Report {
	t, terms := job.Task, job.Terms
	hash := t.Hash()
	r := &Report{Task: t.Name, Hash: hex.EncodeToString(hash[:]), Command: b.o.Command, Set: t.Data.Set, Family: t.Model.Family, Dim: t.Model.Dim,
		Titles: len(b.items), People: len(b.people), Judged: len(b.o.Data.Split.Cases), Parameters: job.Start.Layout.Size(), Words: terms.Grid.D,
		Rounds: t.Rounds.Count, Cohort: cohort(t, len(b.people)), Members: terms.Members, Simulated: t.Population.People, Engine: t.Run.Engine, Seeds: seeds}
	if terms.Account != nil {
		r.Account = terms.Account
		r.Epsilon, r.Delta = &terms.Account.Epsilon, &terms.Account.Delta
		r.Noise = noiseToClip(terms)
	}
	r.Traffic = job.Traffic()
	r.BytesPerUser = r.Traffic.Total
	return r
}

func cohort(t *task.Task, people int) int {
	if t.Rounds.Cohort > 0 {
		return t.Rounds.Cohort
	}
	return people
}

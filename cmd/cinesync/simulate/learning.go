package simulate

import (
	"context"
	"fmt"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/cinesync/train"
	"github.com/cinesync/cinesync/cmd/internal/titles"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/sim/learning"
)

// Learning is a study of what a federation learns.
type Learning struct {
	Task   *task.Task // as it is to be trained (task.Fit)
	Data   *train.Data
	Set    string // the data's name
	Seed   uint64
	Every  int // rounds between judgements; 0: twenty in all
	Quiet  bool
	Engine train.Engine // nil: the hand-written one
	// Backend trains in place of an engine, and Judge measures, on the GPU that GPU names; nothing of them: the CPU does both. Where
	// the backend fails the CPU takes over, the lines say so from then on, and Told hears why.
	Backend learning.Backend
	Judge   evaluate.Bench
	GPU     string
	Told    func(error)
	// Round is told of each round as it ends; an error ends the study. Progress hears of every round. Both may be nil.
	Round    func(*LearningRound) error
	Progress func(what string, done, all int)
}

// judgeSeed draws what judges, the same for every study.
const judgeSeed = 1

// judgements of a study, where nobody says how often.
const judgements = 20

// bench is a study with its judge.
type bench struct {
	*Learning
	job   *train.Job
	judge *evaluate.Judge // nil where nothing is held out
	every int
	lost  bool // the backend, which failed
	down  *train.Downloads
}

// Run trains once with the seed, and again without noise where that is wanted.
func (l *Learning) Run(ctx context.Context) (*LearningSummary, error) {
	b, err := l.bench()
	if err != nil {
		return nil, err
	}
	s, err := b.summary()
	if err != nil {
		return nil, err
	}
	time := startClock()
	if err := b.train(ctx, s, time); err != nil {
		return nil, err
	}
	s.Wall = time.total(s.Rounds)
	if err := b.quiet(ctx, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (l *Learning) bench() (*bench, error) {
	b := &bench{Learning: l, every: l.Every, lost: l.Backend == nil}
	rounds := l.Task.Rounds.Count
	if b.every == 0 {
		b.every = max(1, (rounds+judgements-1)/judgements)
	}
	var err error
	if b.job, err = b.newJob(l.Task); err != nil {
		return nil, err
	}
	b.down = b.job.Downloads()
	if len(l.Data.Split.Cases) > 0 {
		b.judge, err = evaluate.New(l.Data.Split, evaluate.Options{Seed: judgeSeed})
	}
	return b, err
}

// newJob is a training of the study's people.
func (b *bench) newJob(t *task.Task) (*train.Job, error) {
	var features [][]float32
	if t.Model.Start == task.Content || t.Model.Fresh {
		var err error
		if features, err = titles.Features(b.Data.Titles); err != nil {
			return nil, fmt.Errorf("content of titles: %w", err)
		}
	}
	job, err := train.NewJob(t, titles.IDs(b.Data.Titles), features, b.people())
	if err != nil {
		return nil, err
	}
	job.Engine = b.Engine
	if !b.lost {
		job.Backend = b.Backend
	}
	job.Fallback = func(_ int, err error) {
		b.lost = true
		if b.Told != nil {
			b.Told(err)
		}
	}
	return job, nil
}

// people are the histories as trainers take them.
func (l *Learning) people() [][]model.Example {
	out := make([][]model.Example, len(l.Data.Split.Train.Histories))
	for i, h := range l.Data.Split.Train.Histories {
		for _, item := range h {
			out[i] = append(out[i], model.Example{Item: item})
		}
	}
	return out
}

// train runs the rounds and tells of each.
func (b *bench) train(ctx context.Context, s *LearningSummary, time *clock) error {
	b.job.Progress = func(r learning.Round) error {
		line, err := b.line(r)
		if err != nil {
			return err
		}
		trained := time.lap()
		if line.Deltas, err = b.down.Add(r); err != nil {
			return err
		}
		if r.Number%b.every == 0 || r.Number == s.Rounds {
			if line.Figures, err = b.measure(r.Serve); err != nil {
				return err
			}
		}
		line.Wall.Judging = time.lap()
		line.Wall.Seconds = rounded(trained + line.Wall.Judging)
		line.Popularity = s.Popularity
		s.add(line)
		b.tell("training", r.Number, s.Rounds)
		if b.Round == nil {
			return nil
		}
		return b.Round(line)
	}
	fitted, err := b.job.Fit(ctx, b.Seed)
	if err != nil {
		return err
	}
	if b.job.Features == nil {
		return nil
	}
	s.Figures, err = b.measure(fitted.Serve) // with rows foretold of fresh titles
	return err
}

// quiet trains the same without noise, where there is some and it is wanted.
func (b *bench) quiet(ctx context.Context, s *LearningSummary) error {
	if b.job.Terms.Account == nil || !b.Quiet {
		return nil
	}
	job, err := b.newJob(b.Task.Quiet())
	if err != nil {
		return err
	}
	job.Progress = func(r learning.Round) error {
		b.tell("the same without noise", r.Number, s.Rounds)
		return nil
	}
	fitted, err := job.Fit(ctx, b.Seed)
	if err != nil {
		return fmt.Errorf("the same without noise: %w", err)
	}
	s.WithoutNoise, err = b.measure(fitted.Serve)
	return err
}

func (b *bench) tell(what string, done, all int) {
	if b.Progress != nil {
		b.Progress(what, done, all)
	}
}

// measure is nil where nothing is held out.
func (b *bench) measure(s *model.Snapshot) (*Figures, error) {
	if b.judge == nil {
		return nil, nil
	}
	r, err := b.Judge.Measure(b.judge, s)
	if err != nil {
		return nil, err
	}
	return figures(r), nil
}

func figures(r *evaluate.Result) *Figures {
	return &Figures{HR10: short(r.Uniform.HR10.Mean), NDCG10: short(r.Uniform.NDCG10.Mean), FullHR10: short(r.Full.HR10.Mean), FullNDCG10: short(r.Full.NDCG10.Mean)}
}

// popularity is what knowing only what everybody watches gives.
func (b *bench) popularity() (*Figures, error) {
	if b.judge == nil {
		return nil, nil
	}
	r, err := b.judge.Measure(baseline.NewPopularity(b.judge.Split().Train))
	if err != nil {
		return nil, err
	}
	return figures(r), nil
}

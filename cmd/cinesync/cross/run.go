package cross

import (
	"context"
	_ "embed" // the task
	"fmt"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/cinesync/train"
	"github.com/cinesync/cinesync/cmd/internal/titles"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/sim/learning"
)

//go:embed cross.toml
var taskFile []byte

// Options are a run's.
type Options struct {
	Size    Size
	Seed    uint64
	Rounds  int    // 0: the task's
	Command string // that repeats the run
	// Progress hears how far what has come. It may be nil.
	Progress func(what string, done, all int)
}

// Report is what was measured.
type Report struct {
	World   string `json:"world"` // what it is, in words that go with every figure
	Command string `json:"command"`
	Seed    uint64 `json:"seed"`
	Size    Size   `json:"size"`
	Judged  int    `json:"judged"`
	Rows    []Row  `json:"rows"`
	Unit    string `json:"unit"`
}

// Row is one way to rank series.
type Row struct {
	Name    string        `json:"name"`
	HR10    Figure        `json:"hr10"`
	NDCG10  Figure        `json:"ndcg10"`
	Epsilon *float64      `json:"epsilon"` // nil: no noise
	Account *task.Account `json:"account,omitempty"`
	// Simulated is how many people the noise is shared by, where so many do not exist.
	Simulated int `json:"simulated,omitempty"`
}

const (
	about = "made-up titles and people: what links films to series was put there, and a figure says only that it is learned"
	unit  = "hit rate and NDCG of one watched series among all series not watched, from films alone; means over people who took no part in training, ± 95 %"
)

// Run makes the world, trains with and without noise, and ranks series from films.
func Run(ctx context.Context, o Options) (*Report, error) {
	w, err := newWorld(o.Size, o.Seed)
	if err != nil {
		return nil, err
	}
	r := &Report{World: about, Command: o.Command, Seed: o.Seed, Size: o.Size, Judged: len(w.judged), Unit: unit}
	features, err := titles.Features(w.titles)
	if err != nil {
		return nil, fmt.Errorf("content of titles: %w", err)
	}
	ease, err := baseline.NewEASE(w.split(), 200, ctx.Err)
	if err != nil {
		return nil, err
	}
	for _, b := range []struct {
		name   string
		scorer evaluate.Scorer
	}{{"random", baseline.NewRandom(o.Seed)}, {"popularity of series", baseline.NewPopularity(w.split())}, {"EASE at one place, no privacy", ease}} {
		if err := r.add(w, Row{Name: b.name}, b.scorer); err != nil {
			return nil, err
		}
	}
	for _, v := range variants() {
		if err := r.train(ctx, o, w, features, v); err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return r, nil
}

// variant is one training.
type variant struct {
	name      string
	epsilon   float64 // 0: no noise
	simulated int
}

func variants() []variant {
	return []variant{{"one model, no noise", 0, 0}, {"one model, ε = 8", 8, 0}, {"one model, ε = 8, noise shared by 100,000 simulated people", 8, 100_000}}
}

// task is the measurement's task for a variant.
func (v variant) task(rounds int) (*task.Task, error) {
	t, err := task.Parse(taskFile)
	if err != nil {
		return nil, err
	}
	if rounds > 0 {
		t.Rounds.Count = rounds
	}
	if v.epsilon == 0 {
		return t, nil
	}
	// Everybody in every round, fewer rounds, one second moment a tensor (design: accuracy 3 and 4).
	t.Rounds.Cohort, t.Rounds.Count = 0, min(t.Rounds.Count, 30)
	t.Noise = task.Noise{Epsilon: v.epsilon, Delta: 1e-5}
	t.Popularity.Share, t.Optimizer.PerCoordinate = 0.1, false
	t.Population.People = v.simulated
	return t, nil
}

func (r *Report) train(ctx context.Context, o Options, w *world, features [][]float32, v variant) error {
	t, err := v.task(o.Rounds)
	if err != nil {
		return err
	}
	t.Rounds.Cohort = min(t.Rounds.Cohort, o.Size.People)
	job, err := train.NewJob(t, titles.IDs(w.titles), features, w.people())
	if err != nil {
		return err
	}
	if v.epsilon == 0 {
		if err := r.model(w, Row{Name: "content start, nothing learned"}, job.Start); err != nil {
			return err
		}
	}
	job.Progress = func(done learning.Round) error {
		if o.Progress != nil {
			o.Progress(v.name, done.Number, t.Rounds.Count)
		}
		return nil
	}
	result, err := job.Fit(ctx, o.Seed)
	if err != nil {
		return err
	}
	row := Row{Name: v.name, Simulated: v.simulated, Account: job.Terms.Account}
	if row.Account != nil {
		row.Epsilon = &row.Account.Epsilon
	}
	return r.model(w, row, result.Serve)
}

func (r *Report) model(w *world, row Row, s *model.Snapshot) error {
	scorer, err := evaluate.OfSnapshot(s)
	if err != nil {
		return err
	}
	return r.add(w, row, scorer)
}

func (r *Report) add(w *world, row Row, s evaluate.Scorer) (err error) {
	if row.HR10, row.NDCG10, err = w.measure(s); err != nil {
		return fmt.Errorf("%s: %w", row.Name, err)
	}
	r.Rows = append(r.Rows, row)
	return nil
}

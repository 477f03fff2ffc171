package evaluate

import (
	"context"
	"fmt"
	"math"
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
type ByTask struct{ Task *task.Task }

// For fits a task to a split: rounds in place of the task's own where it is positive, item vectors that start random, and no larger
// a cohort than there are people, where no noise was counted for it: without noise, or where that of a simulated population is. With other rounds a device may be in all of them, unless the task fixed fewer
// participations, which then have to be enough; what comes out is a task that could stand in a file.
func For(t *task.Task, rounds int, s split.Train) (ByTask, error) {
	own := *t
	if rounds < 0 {
		return ByTask{}, fmt.Errorf("--rounds is %d: want 1 or more", rounds)
	}
	if rounds > 0 {
		if own.Rounds.Participations >= min(rounds, own.Rounds.Count) {
			own.Rounds.Participations = 0 // as many as there are rounds
		}
		own.Rounds.Count = rounds
	}
	own.Model.Start, own.Model.Fresh = task.Random, false // nothing is known of titles that are numbers
	if people := len(examples(s)); own.Rounds.Cohort > people {
		if !own.Noise.None() && own.Population.People == 0 {
			return ByTask{}, fmt.Errorf("task %s: rounds.cohort is %d and the split has %d people with training titles: its noise is counted for such a cohort; write a smaller one, or 0 for everybody, into a task file",
				own.Name, own.Rounds.Cohort, people)
		}
		own.Rounds.Cohort = 0
	}
	checked, err := task.Parse(own.Canonical())
	if err != nil {
		return ByTask{}, fmt.Errorf("the task with %d rounds: %w", own.Rounds.Count, err)
	}
	return ByTask{checked}, nil
}

// Quiet is the same training without noise, nil where there is none to leave out: what noise costs is the distance to it.
func (b ByTask) Quiet() Trainer {
	if b.Task.Noise.None() {
		return nil
	}
	return ByTask{b.Task.Quiet()}
}

// Train implements Trainer.
func (b ByTask) Train(ctx context.Context, t split.Train, seed uint64, progress func(done, all int)) (*Trained, error) {
	items := make([]string, t.Items)
	for i := range items {
		items[i] = "item:" + strconv.Itoa(i)
	}
	job, err := train.NewJob(b.Task, items, nil, examples(t))
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
	out := &Trained{Rounds: len(result.Rounds), BytesPerUser: bytesPerUser(job)}
	if a := job.Terms.Account; a != nil {
		out.Epsilon, out.Delta, out.Unit, out.Sampling = &a.Epsilon, &a.Delta, a.Unit, a.Sampling
	}
	out.Scorer, err = judging.OfSnapshot(result.Serve)
	return out, err
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

// bytesPerUser is what the mean user's device moves over all rounds: packed words up and the model's file down in each round that
// it is in, and the popularity question's words once.
func bytesPerUser(j *train.Job) float64 {
	t, terms := j.Task, j.Terms
	all := len(j.People)
	if t.Population.People > 0 {
		all = t.Population.People
	}
	participations := float64(t.Rounds.Count) * float64(terms.Members) / float64(all)
	up := math.Ceil(float64(terms.Grid.D) * float64(terms.Grid.WordBits) / 8)
	total := participations * (up + float64(len(j.Start.Encode())))
	if terms.Question.Asked {
		const questionWord = 4 // bytes
		total += questionWord * float64(len(j.Start.Layout.Items))
	}
	return math.Round(total)
}

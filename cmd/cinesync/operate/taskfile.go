package operate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
)

// readTask reads the task file that the configuration names, holds it against the starting model, and takes the terms from it. Without one it
// is nil.
func (c *Config) readTask(dir string, start []byte) (*task.Task, error) {
	if c.Task.File == "" {
		return nil, nil
	}
	path := filepath.Join(dir, c.Task.File)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("task.file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, task.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("task.file: %w", err)
	}
	t, err := task.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("task.file %s: %w", path, err)
	}
	snap, err := model.Parse(start)
	if err != nil {
		return nil, fmt.Errorf("starting model: %w", err)
	}
	if err := c.Task.Follow(t, snap.Layout); err != nil {
		return nil, fmt.Errorf("task.file %s: %w", path, err)
	}
	return t, nil
}

// Follow takes from a task file what it says, and refuses whatever stands in the configuration already and says otherwise.
func (t *Task) Follow(f *task.Task, l model.Layout) error {
	if err := fits(f, l); err != nil {
		return err
	}
	switch {
	case f.Noise.None():
		return fmt.Errorf("task %s has no noise: such tasks run in simulation alone", f.Name)
	case f.Population.People > 0:
		return fmt.Errorf("task %s is of %d simulated people (population.people): leave the table out to run it with devices", f.Name, f.Population.People)
	case t.AdaptClip != nil:
		return fmt.Errorf("task %s has a clip that stays: leave task.adapt_clip out of coordinator.json", f.Name)
	case f.Rounds.Cohort == 0 && t.Members == 0:
		return fmt.Errorf("task %s takes everybody (rounds.cohort = 0): write task.members, how many devices that is, into coordinator.json", f.Name)
	}
	if err := same("members", &t.Members, uint32(f.Rounds.Cohort), f.Rounds.Cohort == 0); err != nil {
		return err
	}
	terms, err := f.Terms(f.LocalFunction().Words(l), len(l.Items), int(t.Members))
	if err != nil {
		return err
	}
	if err := t.followPopularity(f, terms); err != nil {
		return err
	}
	return first(same("family", &t.Family, f.Model.Family, false), same("purpose", &t.Purpose, f.Purpose, false), same("rounds", &t.Rounds, f.Rounds.Count, false),
		same("clip", &t.Clip, f.Grid.Clip, false), same("c_int", &t.CInt, terms.Grid.CInt, false), same("x_max", &t.XMax, terms.Grid.XMax, false),
		same("word_bits", &t.WordBits, terms.Grid.WordBits, false), same("sigma_tot_sq", &t.SigmaTotSq, terms.SigmaTotSq, false),
		same("participations", &t.P, uint32(f.Participations()), false))
}

// followPopularity takes the question before training from a task file, or its absence.
func (t *Task) followPopularity(f *task.Task, terms *task.Terms) error {
	have := t.PopularityFirst
	if !terms.Question.Asked {
		if have != nil {
			return fmt.Errorf("coordinator.json has task.popularity_first, and task %s does not ask (popularity.ask): leave it out of coordinator.json", f.Name)
		}
		return nil
	}
	want := &Popularity{Clip: 1, CInt: terms.Question.CInt, SigmaTotSq: terms.Question.SigmaTotSq, Floor: f.Popularity.Floor, Strength: f.Popularity.Strength}
	if have == nil {
		t.PopularityFirst = want
		return nil
	}
	return first(same("popularity_first.clip", &have.Clip, want.Clip, false), same("popularity_first.c_int", &have.CInt, want.CInt, false),
		same("popularity_first.sigma_tot_sq", &have.SigmaTotSq, want.SigmaTotSq, false), same("popularity_first.floor", &have.Floor, want.Floor, false),
		same("popularity_first.strength", &have.Strength, want.Strength, false))
}

// fits holds a task's model against a layout.
func fits(f *task.Task, l model.Layout) error {
	want, err := f.Model.Layout(l.Items)
	if err != nil {
		return err
	}
	if want.Hash() != l.Hash() {
		return fmt.Errorf("the starting model is not of task %s, which wants %s of width %d with its channels and clip groups: make start.snapshot from the task",
			f.Name, f.Model.Family, f.Model.Dim)
	}
	return nil
}

// same takes a value where there is none, or wants the one that is there to be equal. A free field is the configuration's alone.
func same[V comparable](field string, have *V, want V, free bool) error {
	var zero V
	switch {
	case free:
		return nil
	case *have == zero:
		*have = want
		return nil
	case *have != want:
		return fmt.Errorf("coordinator.json says task.%s is %v and the task file %v: leave it out of coordinator.json", field, *have, want)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

package task

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim/learning"
)

// Spec is the choice of model.
func (m Model) Spec() model.Spec { return model.Spec{Family: m.Family, Dim: m.Dim, Ages: m.Ages} }

// Layout is the one that a start for these titles has.
func (m Model) Layout(items []string) (model.Layout, error) {
	l, err := m.Spec().Layout(items)
	if err != nil {
		return l, err
	}
	return l, m.group(&l)
}

// New makes version 0 for these titles. Features are public, one row a title; a random start does not look at them.
func (m Model) New(items []string, features [][]float32) (*model.Snapshot, error) {
	if m.Start == Random {
		features = nil
	}
	snap, err := m.Spec().New(items, features)
	if err != nil {
		return nil, fmt.Errorf("start of the task: %w", err)
	}
	if err := m.group(&snap.Layout); err != nil {
		return nil, err
	}
	at, n, _ := snap.Layout.Offset("v")
	for i := at; i < at+n; i++ {
		snap.Params[i] *= m.Scale
	}
	if m.Halves {
		return snap.InHalves()
	}
	return snap, nil
}

// Head tells whether the family reads a frozen two-tower.
func (m Model) Head() bool {
	return m.Family == model.SequentialFamily || m.Family == model.HybridFamily
}

// Over makes version 0 of a head over a trained base.
func (m Model) Over(base *model.Snapshot) (*model.Snapshot, error) {
	snap, err := model.NewHead(m.Family, base)
	if err != nil {
		return nil, fmt.Errorf("start of the task: %w", err)
	}
	if err := m.group(&snap.Layout); err != nil {
		return nil, err
	}
	if m.Halves {
		return snap.InHalves()
	}
	return snap, nil
}

// LocalFunction is what devices run; its hash is a round's code_hash.
func (t *Task) LocalFunction() model.Local {
	l := t.Local
	return model.Local{Name: t.Model.Family, Version: 1, Steps: l.Steps, Cuts: l.Cuts, Next: l.Next, Negatives: l.Negatives, Dropout: l.Dropout,
		Rate: l.Rate, RateDense: l.RateDense, Rank: l.Rank}
}

// ServerOptimizer is the coordinator's, before any round.
func (t *Task) ServerOptimizer() model.Optimizer {
	o := t.Optimizer
	return model.Optimizer{Rate: o.Rate, Beta1: o.Beta1, Beta2: o.Beta2, Average: o.Average, PerCoordinate: o.PerCoordinate}
}

// Terms are a task's integers for a model of so many words and so many people.
type Terms struct {
	Grid       aggregation.Grid
	SigmaTotSq uint64 // of a sum's noise, grid units squared; 0: none
	Members    int    // of a round: those that the noise is shared by
	Question   Question
	Account    *Account // nil without noise
}

// Question is the popularity question's grid and noise.
type Question struct {
	Asked      bool
	CInt       uint32
	SigmaTotSq uint64
}

// Noise is z of a sum: the noise's standard deviation over c_int.
func (t Terms) Noise() float64 { return math.Sqrt(float64(t.SigmaTotSq)) / float64(t.Grid.CInt) }

// maxRoster is the largest sum that one ring carries; more members, which only simulations have, are held against it.
const maxRoster = aggregation.MaxDevices

// Terms fixes the integers of the rounds: words is the length of an update, titles that of the popularity question, people how many the data has.
func (t *Task) Terms(words, titles, people int) (*Terms, error) {
	if t.Rounds.Cohort > people {
		return nil, bad("rounds.cohort", "is %d, and the data has %d people to train: lower it, or write 0 for everybody", t.Rounds.Cohort, people)
	}
	out := &Terms{Grid: t.grid(words), Members: t.members(people)}
	if t.Popularity.Ask {
		out.Question = Question{Asked: true, CInt: fine(titles)}
	}
	if !t.Noise.None() {
		if err := t.price(out, people); err != nil {
			return nil, err
		}
	}
	if err := out.Grid.Validate(min(out.Members, maxRoster), out.SigmaTotSq); err != nil {
		return nil, t.misfit(out, err)
	}
	return out, nil
}

// members of a round that the noise is shared by.
func (t *Task) members(people int) int {
	switch {
	case t.Population.People > 0:
		return t.Population.members()
	case t.Rounds.Cohort > 0:
		return t.Rounds.Cohort
	}
	return people
}

func (t *Task) grid(words int) aggregation.Grid {
	g := aggregation.Grid{C: t.Grid.Clip, CInt: t.Grid.CInt, XMax: t.Grid.XMax, D: words, WordBits: t.Grid.WordBits}
	if g.CInt == 0 {
		g.CInt = fine(words)
	}
	if g.XMax == 0 {
		g.XMax = g.CInt
	}
	return g
}

// fine is the least c_int of 32-bit words: finer buys nothing (privacy 4.3).
func fine(d int) uint32 { return uint32(math.Ceil(8*math.Sqrt(float64(d)))) + 1 }

// Learning is the training of one seed in the fast mode.
func (t *Task) Learning(terms *Terms, seed uint64) learning.Config {
	c := learning.Config{Local: t.LocalFunction(), Optimizer: t.ServerOptimizer(), Rounds: t.Rounds.Count, Cohort: t.Rounds.Cohort, Grid: terms.Grid, Seed: seed}
	if terms.SigmaTotSq > 0 {
		c.Noise = terms.Noise()
	}
	if t.Population.People > 0 {
		c.As = terms.Members
	}
	return c
}

// Quiet is the task without its noise, to see what noise costs.
func (t *Task) Quiet() *Task {
	q := *t
	q.Noise, q.Popularity.Share = Noise{}, 0
	return &q
}

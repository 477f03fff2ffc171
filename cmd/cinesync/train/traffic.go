package train

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// Traffic is what one person's device moves, bytes.
type Traffic struct {
	Up             int64   `json:"up"`             // one upload, words packed
	Down           int64   `json:"down"`           // one model file
	Participations float64 `json:"participations"` // rounds of one person, on average
	Most           int     `json:"participations_at_most"`
	Question       int64   `json:"popularity_question"` // its upload, once
	Base           int64   `json:"base,omitempty"`      // all of the training of a head's base
	Total          int64   `json:"total"`               // of all rounds of one person, on average
}

// Traffic counts the packed words up and the whole model file down: no deltas, which depend on what a device still has.
func (j *Job) Traffic() Traffic {
	t := j.Task
	out := Traffic{Up: (int64(j.Terms.Grid.D)*int64(j.Terms.Grid.WordBits) + 7) / 8, Down: modelBytes(j.Start), Most: t.Participations()}
	all := len(j.People)
	if t.Population.People > 0 {
		all = t.Population.People
	}
	out.Participations = float64(t.Rounds.Count) * float64(j.Terms.Members) / float64(all)
	if j.Terms.Question.Asked {
		out.Question = 4 * int64(len(j.Start.Layout.Items))
	}
	out.Total = out.Question + int64(math.Round(out.Participations*float64(out.Up+out.Down)))
	if j.Base != nil {
		out.Base = j.Base.Traffic().Total
		out.Total += out.Base
	}
	return out
}

// modelBytes is the length of a model as devices fetch it.
func modelBytes(s *model.Snapshot) int64 { return int64(len(s.Encode())) }

// Spent is what so many of a task's rounds have cost the mean person in bytes, with the popularity question and the base of a head, and
// the one who was in as many of them as the task lets them in ε; nil without noise.
type Spent struct {
	Up, Down int64
	Epsilon  *float64
}

// After is what so many rounds have cost.
func (j *Job) After(rounds int) (Spent, error) {
	tr := j.Traffic()
	times := tr.Participations * float64(rounds) / float64(j.Task.Rounds.Count)
	s := Spent{Up: tr.Question + int64(math.Round(times*float64(tr.Up))), Down: int64(math.Round(times * float64(tr.Down)))}
	if j.Base != nil {
		b, err := j.Base.After(j.Base.Task.Rounds.Count)
		if err != nil {
			return s, fmt.Errorf("base: %w", err)
		}
		s.Up, s.Down = s.Up+b.Up, s.Down+b.Down
	}
	a := j.Terms.Account
	if a == nil {
		return s, nil
	}
	each, err := privacy.Charge(j.Terms.Grid.CInt, j.Terms.SigmaTotSq)
	if err != nil {
		return s, err
	}
	all := each * privacy.Units(min(rounds, a.Participations))
	if q := j.Terms.Question; q.Asked {
		once, err := privacy.Charge(q.CInt, q.SigmaTotSq)
		if err != nil {
			return s, err
		}
		all += once
	}
	eps, _, err := privacy.Epsilon(all.Rho(), a.Delta)
	s.Epsilon = &eps
	return s, err
}

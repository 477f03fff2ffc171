package evaluate

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/internal/par"
)

// audited is how many of a backend's places are held against the CPU's scores.
const audited = 16

// nearTie is how far apart two scores may be that a backend has in the other order, as a part of the largest score and of 1: its
// sums are rounded otherwise.
const nearTie = 1e-4

// audit holds some places, spread over all cases, against the CPU's scores of the same cases.
func audit(s Scorer, items int, questions []Question, places []Place) error {
	n := min(audited, len(questions))
	errs := make([]error, n)
	par.Do(n, func(k int) {
		at := k * len(questions) / n
		q, scores := questions[at], make([]float32, items)
		err := s.Scores(q.User, q.History, scores)
		if err == nil {
			err = places[at].near(scores, q)
		}
		if err != nil {
			errs[k] = fmt.Errorf("the place of user %d: %w", q.User, err)
		}
	})
	return first(errs)
}

// near says what about a place is not as scores have it, but for near ties. It spoils scores.
func (p Place) near(scores []float32, q Question) error {
	bound := 1.0
	for _, v := range scores {
		if size := math.Abs(float64(v)); size <= math.MaxFloat32 {
			bound = max(bound, size)
		}
	}
	bound *= nearTie
	for _, f := range []struct {
		name  string
		got   int
		items []int
	}{{"uniform", p.Uniform, q.Uniform}, {"matched", p.Matched, q.Matched}, {"full", p.Full, others(len(scores), q)}} {
		if least, most := around(scores, q.Held, f.items, bound); f.got < least || f.got > most {
			return fmt.Errorf("%d titles before the held-out one (%s), the CPU's scores give %d to %d", f.got, f.name, least, most)
		}
	}
	want := sit(scores, q)
	if p.NotNumber != want.NotNumber {
		return fmt.Errorf("some score is not a number: %v, on the CPU %v", p.NotNumber, want.NotNumber)
	}
	if len(p.List) != len(want.List) {
		return fmt.Errorf("a list of %d titles, the CPU gives %d", len(p.List), len(want.List))
	}
	for i, item := range p.List {
		got, best := scores[item], scores[want.List[i]]
		if got != best && !(math.Abs(float64(got)-float64(best)) <= bound) {
			return fmt.Errorf("title %d at place %d of the list has score %v on the CPU, whose own there has %v", item, i+1, got, best)
		}
	}
	return nil
}

// others are all titles but the history and the held-out one.
func others(items int, q Question) []int {
	out := make([]bool, items)
	out[q.Held] = true
	for _, item := range q.History {
		out[item] = true
	}
	list := make([]int, 0, items)
	for item, not := range out {
		if !not {
			list = append(list, item)
		}
	}
	return list
}

// around is how many of items stand before the held-out title at least and at most, where scores nearer to its own than bound may fall
// on either side. What is not a number stands before it, as everywhere.
func around(scores []float32, held int, items []int, bound float64) (least, most int) {
	at := float64(scores[held])
	for _, i := range items {
		v := float64(scores[i])
		if !(v <= at+bound) {
			least++
		}
		if !(v < at-bound) {
			most++
		}
	}
	return least, most
}

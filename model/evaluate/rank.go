package evaluate

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
)

// Question is one case as a ranker is asked it. All titles lie within the catalogue; the history (oldest first) holds each once, and
// not the one held out.
type Question struct {
	User             int
	History          []int
	Held             int   // the title held out
	Uniform, Matched []int // its negatives
}

// Place is where one case came out: how many titles stand before the held-out one, and the user's list.
type Place struct {
	Uniform, Matched, Full int   // among those negatives, and in the whole catalogue without the history
	List                   []int // best first, at most ListLength, of equal ones the first title; without the history
	NotNumber              bool  // a score of some title, one of the history included, is not a number
}

// ListLength is how many titles a list of recommendations has.
const ListLength = 10

// Ranker ranks many cases at once: one place a question, in order. A tie stands before the held-out title, and so does whatever has a
// score that is not a number; if the held-out title's own is not a number, all titles do. Scores that are not numbers and minus
// infinity are in no list. It calls for no order of questions and keeps none of their slices.
type Ranker interface {
	Rank(questions []Question) ([]Place, error)
}

// questions are all cases of the judge.
func (j *Judge) questions() []Question {
	out := make([]Question, len(j.split.Cases))
	for i, c := range j.split.Cases {
		out[i] = Question{User: c.User, History: j.split.Train.Histories[c.User], Held: c.Item, Uniform: c.Negatives, Matched: j.matched[i]}
	}
	return out
}

// MeasureWith judges by the places that a ranker gives. Places that no scores could give are refused.
func (j *Judge) MeasureWith(r Ranker) (*Result, error) {
	places, err := j.ask(r, j.questions())
	if err != nil {
		return nil, err
	}
	return j.result(places), nil
}

// ask has a ranker rank, and refuses places that no scores could give.
func (j *Judge) ask(r Ranker, questions []Question) ([]Place, error) {
	places, err := r.Rank(questions)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if len(places) != len(questions) {
		return nil, fmt.Errorf("evaluate: %d places for %d cases", len(places), len(questions))
	}
	errs := make([]error, (len(places)+block-1)/block)
	par.Do(len(errs), func(b int) {
		for i := b * block; i < min(len(places), (b+1)*block) && errs[b] == nil; i++ {
			if err := places[i].check(questions[i], j.split.Train.Items); err != nil {
				errs[b] = fmt.Errorf("evaluate: the place of user %d: %w", questions[i].User, err)
			}
		}
	})
	return places, first(errs)
}

func (p Place) check(q Question, items int) error {
	for _, f := range []struct {
		name      string
		got, most int
	}{{"uniform", p.Uniform, len(q.Uniform)}, {"matched", p.Matched, len(q.Matched)}, {"full", p.Full, items - len(q.History) - 1}} {
		if f.got < 0 || f.got > f.most {
			return fmt.Errorf("%d titles before the held-out one (%s), there are %d", f.got, f.name, f.most)
		}
	}
	if len(p.List) > ListLength {
		return fmt.Errorf("a list of %d titles, want at most %d", len(p.List), ListLength)
	}
	for i, item := range p.List {
		switch {
		case item < 0 || item >= items:
			return fmt.Errorf("title %d in a list, the catalogue is 0 to %d", item, items-1)
		case slices.Contains(p.List[:i], item):
			return fmt.Errorf("title %d twice in a list", item)
		case slices.Contains(q.History, item):
			return fmt.Errorf("title %d in a list is of the history", item)
		}
	}
	return nil
}

// byScores ranks by a scorer, on all cores.
type byScores struct {
	scorer Scorer
	items  int
}

// block is how many cases a core takes at a time; they share one score vector.
const block = 16

func (r byScores) Rank(questions []Question) ([]Place, error) {
	n := len(questions)
	blocks := (n + block - 1) / block
	places, errs := make([]Place, n), make([]error, blocks)
	par.Do(blocks, func(b int) {
		scores := make([]float32, r.items)
		for i := b * block; i < min(n, (b+1)*block); i++ {
			q := questions[i]
			if errs[b] = r.scorer.Scores(q.User, q.History, scores); errs[b] != nil {
				errs[b] = fmt.Errorf("scores for user %d: %w", q.User, errs[b])
				return
			}
			places[i] = sit(scores, q)
		}
	})
	return places, first(errs)
}

// Backend is a ranker of one model that holds memory somewhere until it is closed.
type Backend interface {
	Ranker
	io.Closer
}

// Bench measures models on a backend where there is one, and on the CPU where there is none or it fails.
type Bench struct {
	Open func(*model.Snapshot) (Backend, error) // nil: the CPU alone
	Told func(error)                            // hears why the CPU measures instead; may be nil
}

// Measure judges a model. What fails on the backend is measured again from the start, so that one result is all of one kind; and so is
// what the backend gets wrong in a few cases that the CPU ranks too.
func (b Bench) Measure(j *Judge, s *model.Snapshot) (*Result, error) {
	scorer, err := OfSnapshot(s)
	if err != nil {
		return nil, err
	}
	if b.Open != nil {
		r, err := b.fast(j, s, scorer)
		if err == nil {
			return r, nil
		}
		if b.Told != nil {
			b.Told(fmt.Errorf("the CPU measures instead: %w", err))
		}
	}
	return j.Measure(scorer)
}

func (b Bench) fast(j *Judge, s *model.Snapshot, scorer Scorer) (r *Result, err error) {
	if have, want := len(s.Layout.Items), j.split.Train.Items; have != want {
		return nil, fmt.Errorf("evaluate: the model has %d titles, the split %d", have, want)
	}
	backend, err := b.Open(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	questions := j.questions()
	places, err := j.ask(backend, questions)
	if err != nil {
		return nil, err
	}
	if err := audit(scorer, j.split.Train.Items, questions, places); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return j.result(places), nil
}

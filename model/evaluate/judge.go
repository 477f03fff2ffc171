package evaluate

import (
	"fmt"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model/split"
)

// Scorer scores every title of the catalogue for one user from the training history (oldest first): dst has one place a
// title, a higher score is better. Calls come from several goroutines; the history stays as it is.
type Scorer interface {
	Scores(user int, history []int, dst []float32) error
}

// Options are a judge's.
type Options struct {
	Seed uint64 // of the negatives by popularity
	// Similar compares titles for the diversity of lists; nil: by who watched them in training.
	Similar Similarity
}

// Judge measures scorers on one split.
type Judge struct {
	split   *split.Split
	matched [][]int // negatives by popularity, for each case
	counts  []int   // plays of each title in training
	people  int     // users with training titles
	similar Similarity
	parts   []part
}

// New checks a split and prepares to measure on it: for each case as many negatives by popularity as it has uniform ones.
func New(s *split.Split, o Options) (*Judge, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	j := &Judge{split: s, counts: s.Train.Counts(), matched: make([][]int, len(s.Cases)), similar: o.Similar}
	for _, h := range s.Train.Histories {
		if len(h) > 0 {
			j.people++
		}
	}
	draw := split.NewPopular(s.Train)
	errs := make([]error, len(s.Cases))
	par.Do(len(s.Cases), func(i int) {
		j.matched[i], errs[i] = draw.Draw(s.Cases[i], max(1, len(s.Cases[i].Negatives)), o.Seed)
	})
	if err := first(errs); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if j.similar == nil {
		j.similar = NewAudience(s.Train)
	}
	j.parts = j.segment()
	return j, nil
}

// Split is what the judge measures on. Trainers are handed its Train, and nothing else of it.
func (j *Judge) Split() *split.Split { return j.split }

// Measure judges a scorer. A score that is not a number does not stop it: the result counts the users who got one.
func (j *Judge) Measure(s Scorer) (*Result, error) {
	return j.MeasureWith(byScores{s, j.split.Train.Items})
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

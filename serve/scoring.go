package serve

import (
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/rank"
)

// scoreError is how far a backend's scores may be from the model's own, as a part of the largest and of 1.
const scoreError = 1e-4

// Scores scores people against all titles of one snapshot, in place of the model's Scorer.
type Scores interface {
	// Batch writes a score a title to each row of dst, for the history of the same place: rows of the layout, oldest first. Scores are the
	// model's but for the rounding of float32 sums, which may differ from call to call. It is not called twice at a time. Where the error is
	// rank.ErrRoom, the backend is as before, and a later call may do; after any other it is closed.
	Batch(histories [][]int, dst [][]float32) error
	// Close gives back what the backend holds. No call follows.
	Close() error
}

// OpenScores makes a backend of a snapshot; an error where it has none for the snapshot's family or shape.
type OpenScores func(s *model.Snapshot) (Scores, error)

// scoring has people scored by a backend, those who wait together in one call. Where it fails, or gives what cannot be scores, it is
// closed, and whoever asks scores on its own with the processor: those of the failed call, and all that follow.
type scoring struct {
	titles int
	log    *slog.Logger
	queue[person]

	backend Scores // of whoever leads; nil once it failed
	short   bool   // the last call had no room, which is said
}

// person is one request to be scored.
type person struct {
	history []int
	row     []float32
}

// openScoring opens the configured backend, or gives nil, with which the processor scores. A backend whose scores of a history are not
// those that the processor gave, in want, is none.
func openScoring(s *model.Snapshot, history []int, want []float32, cfg Config) *scoring {
	if cfg.Scores == nil {
		return nil
	}
	backend, err := cfg.Scores(s)
	if err != nil {
		cfg.Log.Warn("the configured backend does not score this model; the processor scores", slog.Any("error", err))
		return nil
	}
	x := &scoring{titles: len(want), log: cfg.Log, backend: backend}
	x.together = x.batch
	if got := x.scores(history); got != nil {
		if err := near(got, want); err != nil {
			x.drop(err, 1)
		}
	}
	return x
}

// near compares a backend's scores with the processor's.
func near(got, want []float32) error {
	bound := 1.0
	for _, v := range want {
		bound = max(bound, math.Abs(float64(v)))
	}
	bound *= scoreError
	for i, v := range want {
		if !(math.Abs(float64(got[i])-float64(v)) <= bound) {
			return fmt.Errorf("title %d has score %v, the processor gives %v", i, got[i], v)
		}
	}
	return nil
}

// scores scores all titles for a history, or gives nil where the caller has to.
func (x *scoring) scores(history []int) []float32 {
	if x == nil {
		return nil
	}
	p := &person{history: history}
	if x.do(p) != nil {
		return nil // the log has it
	}
	return p.row
}

// errGone is what those get who waited for a backend that failed meanwhile.
var errGone = errors.New("the backend that scores failed before")

// batch calls the backend once for all.
func (x *scoring) batch(people []*person) error {
	if x.backend == nil {
		return errGone
	}
	histories, rows := make([][]int, len(people)), make([][]float32, len(people))
	par.Do(len(people), func(i int) {
		histories[i], rows[i] = people[i].history, make([]float32, x.titles)
		for k := range rows[i] {
			rows[i][k] = float32(math.NaN()) // so that a place that is left out is seen
		}
	})
	err := x.backend.Batch(histories, rows)
	if err == nil {
		err = x.check(rows)
	}
	for i, p := range people {
		p.row = rows[i]
	}
	x.called(err, len(people))
	return err
}

// called says what a call failed at, and drops the backend unless it only had no room. That is said once until it has some again.
func (x *scoring) called(why error, requests int) {
	switch {
	case why == nil:
		x.short = false
	case !errors.Is(why, rank.ErrRoom):
		x.drop(why, requests)
	case !x.short:
		x.short = true
		x.log.Warn("a backend has no room to score; the processor scores until it has", slog.Int("requests", requests), slog.Any("error", why))
	}
}

// check says what cannot be rows of scores.
func (x *scoring) check(rows [][]float32) error {
	errs := make([]error, len(rows))
	par.Do(len(rows), func(i int) {
		if len(rows[i]) != x.titles {
			errs[i] = fmt.Errorf("a row of %d scores, the model has %d titles", len(rows[i]), x.titles)
			return
		}
		for k, v := range rows[i] {
			if v-v != 0 {
				errs[i] = fmt.Errorf("title %d has score %v", k, v)
				return
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return err // one line, whatever the others are
		}
	}
	return nil
}

// drop closes the backend for good. Whoever leads calls it.
func (x *scoring) drop(why error, requests int) {
	x.log.Error("a backend failed to score; the processor scores from now on", slog.Int("requests", requests), slog.Any("error", why))
	x.close()
}

// close gives the backend back. Nobody may be scored.
func (x *scoring) close() {
	if x == nil || x.backend == nil {
		return
	}
	if err := x.backend.Close(); err != nil {
		x.log.Warn("a backend of scores does not close", slog.Any("error", err))
	}
	x.backend = nil
}

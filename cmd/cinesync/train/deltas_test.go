package train

import (
	"context"
	"math"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model/delta"
	"github.com/cinesync/cinesync/sim/learning"
)

// TestDownloadsAreThoseOfTheModels holds the count against the files and deltas of the versions that rounds began with.
func TestDownloadsAreThoseOfTheModels(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*task.Task)
		asked  bool
		rate   float64
		deltas bool
	}{
		"everybody in halves": {func(t *task.Task) { t.Model.Halves, t.Popularity = true, task.Popularity{} }, false, 1, true},
		"asked first":         {func(t *task.Task) { t.Model.Halves = true }, true, 1, true},
		"a third":             {func(t *task.Task) { t.Model.Halves, t.Rounds.Cohort = true, 20 }, true, 1. / 3, true},
		"float32":             {func(t *task.Task) { t.Model.Halves = false }, true, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			tk := small(t, "two-tower", c.change)
			o := Options{Task: tk, Data: world(t, 60)}
			b, err := newBench(o)
			if err != nil {
				t.Fatal(err)
			}
			job, err := b.job(tk)
			if err != nil {
				t.Fatal(err)
			}
			d, whole := job.Downloads(), float64(len(job.Start.Encode()))
			began, want := [][]byte{job.Start.Encode()}, 0.0 // by round
			if c.asked {
				want, began = whole, [][]byte{nil}
			}
			job.Progress = func(r learning.Round) error {
				one := whole
				if n := r.Number; c.deltas && n > 1 && began[n-2] != nil {
					step, err := delta.Encode(began[n-2], began[n-1])
					if err != nil {
						t.Fatal(err)
					}
					one = c.rate*float64(len(step)) + (1-c.rate)*whole
				}
				want += c.rate * one
				began = append(began, r.Model.Encode())
				got, err := d.Add(r)
				if err != nil || math.Abs(float64(got)-want) > 1 {
					t.Errorf("after %d rounds %d bytes, want %.0f (%v)", r.Number, got, want, err)
				}
				return nil
			}
			if _, err := job.Fit(context.Background(), 1); err != nil {
				t.Fatal(err)
			}
			all := c.rate * 12 * whole
			if c.asked {
				all += whole
			}
			if less := want < all-1; less != c.deltas {
				t.Errorf("%.0f bytes in all, %.0f as whole files", want, all)
			}
		})
	}
}

package train

import (
	"math"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
)

// TestTheCostGrowsToThatOfTheWhole holds what rounds have cost so far against what the task costs.
func TestTheCostGrowsToThatOfTheWhole(t *testing.T) {
	o := Options{Task: small(t, "ml-1m-eps8", func(t *task.Task) { t.Rounds.Cohort = 20 }), Data: world(t, 60)}
	b, err := newBench(o)
	if err != nil {
		t.Fatal(err)
	}
	job, err := b.job(o.Task)
	if err != nil {
		t.Fatal(err)
	}
	var before Spent
	for rounds := 1; rounds <= o.Task.Rounds.Count; rounds++ {
		s, err := job.After(rounds)
		if err != nil {
			t.Fatal(err)
		}
		if s.Up <= before.Up || s.Down <= before.Down || before.Epsilon != nil && *s.Epsilon <= *before.Epsilon {
			t.Errorf("after %d rounds %+v, before %+v", rounds, s, before)
		}
		before = s
	}
	if all := job.Traffic().Total; math.Abs(float64(before.Up+before.Down-all)) > 2 {
		t.Errorf("%d bytes after all rounds, the task's are %d", before.Up+before.Down, all)
	}
	if *before.Epsilon != job.Terms.Account.Epsilon {
		t.Errorf("ε = %v after all rounds, the task's is %v", *before.Epsilon, job.Terms.Account.Epsilon)
	}
	quiet, err := b.job(o.Task.Quiet())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := quiet.After(3); err != nil || s.Epsilon != nil {
		t.Errorf("without noise ε is %v (%v)", s.Epsilon, err)
	}
}

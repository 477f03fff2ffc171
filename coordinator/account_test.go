package coordinator_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/privacy"
)

const day = 24 * time.Hour

// budget is a task without end whose ceiling, or its question's share of it, allows so many rounds in a period.
func budget(ceiling privacy.Units, shareBP uint32, expiry time.Duration) func(*coordinator.Task) {
	return func(task *coordinator.Task) {
		units, err := privacy.Charge(task.CInt, task.SigmaTotSq)
		if err != nil {
			panic(err)
		}
		task.Rounds, task.Ceiling, task.ShareBP, task.Expiry = 0, ceiling*units, shareBP, expiry
	}
}

// audit makes every check that an auditor makes of the log as it is now, and wants them to pass.
func (w *world) audit() audit.Report {
	w.Helper()
	rules := audit.Rules{CheckCert: checkCert, Epsilon: privacy.Epsilon,
		Charge: func(cInt uint32, sigmaTotSq uint64) (uint64, error) {
			units, err := privacy.Charge(cInt, sigmaTotSq)
			return uint64(units), err
		},
		WorstCase: func(costs []audit.RoundCost, p, b uint32, ceiling uint64) uint64 {
			var list []privacy.RoundCharge
			for _, c := range costs {
				list = append(list, privacy.RoundCharge{Round: c.Round, Units: privacy.Units(c.Units)})
			}
			return uint64(privacy.WorstCase(list, p, b, privacy.Units(ceiling)))
		},
		HonestFloor: func(g audit.Graph) int { return privacy.HonestFloor(g.N/max(1, g.Cohorts), g.GammaBP, g.DeltaBP) },
		SessionID: func(open, roster [32]byte, cohort uint32) [32]byte {
			return aggregation.SessionID(open, roster, aggregation.GraphSeed(open, roster), cohort)
		},
		CheckDegree: func(g audit.Graph) error {
			return aggregation.CheckDegree(aggregation.GraphParams{N: g.N, GammaBP: g.GammaBP, DeltaBP: g.DeltaBP, Lambda: g.Lambda, Eta: g.Eta,
				Mode: aggregation.Mode(g.Mode), Cohorts: g.Cohorts}, aggregation.Degree{K: g.K, T: g.T})
		}}
	report, err := audit.Verify(w.publicFiles(), rules, audit.Options{Live: true, Now: uint64(time.Now().Unix())})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range report.Checks {
		if c.Status == audit.StatusFail {
			w.Errorf("%s fails: %s", c.ID, c.Detail)
		}
	}
	return report
}

// kinds tells the log as a row of words: policy, open 3, budget 3, ...
func (w *world) kinds() (out []string) {
	w.Helper()
	for _, e := range w.disk.now().entries {
		rec, err := audit.OpenEntry(w.coord.Cert.IDPK[:], e)
		if err != nil {
			w.Fatal(err)
		}
		switch r := rec.(type) {
		case *audit.PolicyChange:
			out = append(out, "policy")
		case *audit.RoundOpen:
			out = append(out, fmt.Sprintf("open %d", r.Round))
		case *audit.RoundClose:
			out = append(out, fmt.Sprintf("close %d", r.RhoCumBound/r.RhoUnits))
		case *audit.BudgetExhausted:
			out = append(out, fmt.Sprintf("budget %d", r.Round))
		}
	}
	return out
}

// TestNextLedgerPeriodBeginsWithItsPolicy lets months pass: at the ceiling the coordinator waits, and when the period has lasted its
// time it logs the policy again and counts from zero. Devices go on, a new start in between changes nothing, and the auditor
// sees the same periods.
func TestNextLedgerPeriodBeginsWithItsPolicy(t *testing.T) {
	for _, mode := range []aggregation.Mode{aggregation.ModeSH, aggregation.ModeW} {
		t.Run(mode.String(), func(t *testing.T) {
			bubble(t, terms{mode: mode, task: budget(2, 0, 100*day)}, func(w *world) {
				w.mustStart()
				w.visit(func() { w.rests(2) })
				w.pass(10 * day)
				w.crash()
				w.mustStart() // in the middle of the wait
				w.pass(15 * day)
				w.visit(func() { w.pass(time.Hour) })
				w.rests(2)
				w.pass(5 * day) // day 30 and an hour
				w.visit(func() { w.rests(5) })
				w.halt()
				w.pass(40 * day) // the period ends while nobody runs
				w.mustStart()
				w.visit(func() { w.rests(8) })
				w.pass(40 * day)
				w.visit(func() { w.await("done", 0) }) // the question has expired
				want := []string{"policy", "open 1", "close 1", "open 2", "close 2", "budget 3",
					"policy", "open 4", "close 1", "open 5", "close 2", "budget 6",
					"policy", "open 7", "close 1", "open 8", "close 2", "budget 9"}
				if got := w.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("the log tells\n%v\nwant\n%v", got, want)
				}
				r := w.audit()
				if len(r.Periods) != 3 {
					t.Errorf("the auditor sees %d periods: %+v", len(r.Periods), r.Periods)
				}
				for _, p := range r.Periods {
					if p.RhoUnits != uint64(w.cfg.Task.Ceiling) || p.Seconds != 30*24*3600 {
						t.Errorf("the auditor counts %+v, want %d units in 30 days", p, w.cfg.Task.Ceiling)
					}
				}
			})
		})
	}
}

// visit lets the devices be there for as long as something takes. Months with their polling would take too long to play.
func (w *world) visit(something func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	for _, d := range w.devices {
		opened, err := d.open()
		if err != nil {
			w.Fatal(err)
		}
		running.Go(func() {
			if err := opened.Run(ctx); err != nil {
				w.Errorf("%s: %v", d.name, err)
			}
		})
	}
	something()
	cancel()
	running.Wait()
}

// rests waits until this round is over and the budget has ended before the next.
func (w *world) rests(last uint64) {
	w.Helper()
	w.over(last)
	w.pass(time.Minute)
	got := w.kinds()
	if end := got[len(got)-1]; end != fmt.Sprintf("budget %d", last+1) {
		w.Errorf("the log ends with %q, want the end of the budget before round %d", end, last+1)
	}
}

// TestPeriodThatIsNotSpentEndsToo: a period that has lasted its time ends whether or not the ceiling was met.
func TestPeriodThatIsNotSpentEndsToo(t *testing.T) {
	o := terms{rounds: 3, task: func(task *coordinator.Task) { task.Interval, task.Expiry = 16*day, 100*day }}
	bubble(t, o, func(w *world) {
		w.mustStart()
		for r := range uint64(3) {
			w.visit(func() { w.over(r + 1) })
			w.pass(16 * day)
		}
		want := []string{"policy", "open 1", "close 1", "open 2", "close 2", "policy", "open 3", "close 1"}
		if got := w.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the log tells %v, want %v", got, want)
		}
		if r := w.audit(); len(r.Periods) != 2 || r.Periods[1].FirstRound != 3 {
			t.Errorf("the auditor sees %+v", r.Periods)
		}
	})
}

func TestShareOfTheQuestionIsKept(t *testing.T) {
	bubble(t, terms{task: budget(7, 5000, day)}, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		if e := w.over(3); e.Outcome != "done" {
			t.Errorf("%+v", e)
		}
		if got := w.kinds(); got[len(got)-1] != "budget 4" {
			t.Errorf("the log tells %v, want the budget to end before round 4", got)
		}
		w.audit()
	})
}

// TestCeilingBelowOneRoundOpensNone: no period would help.
func TestCeilingBelowOneRoundOpensNone(t *testing.T) {
	o := terms{task: func(task *coordinator.Task) { task.Ceiling, task.Rounds, task.Expiry = 1, 0, 400*day }}
	bubble(t, o, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		w.pass(time.Hour)
		if got := w.kinds(); fmt.Sprint(got) != fmt.Sprint([]string{"policy", "budget 1"}) {
			t.Errorf("the log tells %v", got)
		}
	})
}

// TestChargesThatAreNotTheLogsAreRefused changes the store's rows behind the coordinator's back.
func TestChargesThatAreNotTheLogsAreRefused(t *testing.T) {
	ran(t, func(w *world) {
		whole := w.disk.rows
		row := whole.charges[1]
		for _, c := range []struct {
			name   string
			change func(map[uint64]coordinator.ChargeRow)
			words  []string
		}{
			{"lost", func(rows map[uint64]coordinator.ChargeRow) { delete(rows, 1) }, []string{"round 1", "missing"}},
			{"less", func(rows map[uint64]coordinator.ChargeRow) { row := row; row.Units--; rows[1] = row }, []string{"round 1", "its log says"}},
			{"elsewhere", func(rows map[uint64]coordinator.ChargeRow) { row := row; row.Question[0]++; rows[1] = row }, []string{"round 1"}},
			{"another", func(rows map[uint64]coordinator.ChargeRow) { row := row; row.Round = 9; rows[9] = row }, []string{"round 9", "its log says 0"}},
		} {
			w.disk.rows = whole.clone()
			c.change(w.disk.rows.charges)
			w.refused(append(c.words, "restore the store from a backup")...)
		}
		w.disk.rows = whole
		w.mustStart()
	})
}

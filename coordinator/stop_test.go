package coordinator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// farewells gives the hang-ups that a device hears; under w.mu.
func (d *device) farewells() *[]*protocol.HangUpError {
	heard := new([]*protocol.HangUpError)
	d.heard = func(_ protocol.Message, err error) {
		var h *protocol.HangUpError
		if errors.As(err, &h) {
			d.w.mu.Lock()
			*heard = append(*heard, h)
			d.w.stir()
			d.w.mu.Unlock()
		}
	}
	return heard
}

func TestStopInAnyPhaseIsCleanAndTheRoundGoesOn(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				w.showKeys()
				stopped := false
				w.onTold = func(p *process, e coordinator.Event) {
					if e.Kind == "phase" && e.Phase == phase && !stopped {
						stopped = true
						p.cancel()
					}
				}
				w.mustStart()
				w.join(w.devices...)
				if err := w.died(); err != nil {
					t.Fatalf("told to stop, the coordinator ended with %v", err)
				}
				w.mustStart()
				if e := w.over(1); e.Outcome != "done" || e.U3 != 4 {
					t.Errorf("%+v, want all four included", e)
				}
			})
		})
	}
}

func TestDevicesHearWhyTheCoordinatorStops(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(p *process)
		code protocol.Code
	}{
		"told to": {func(p *process) { p.cancel() }, protocol.CodeShutdown},
		"failing": {func(p *process) { p.disk.kill() }, protocol.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				var heard []*[]*protocol.HangUpError
				for _, d := range w.devices {
					heard = append(heard, d.farewells())
				}
				w.onTold = func(p *process, e coordinator.Event) {
					if e.Phase == "shares" {
						c.stop(p)
					}
				}
				w.mustStart()
				w.join(w.devices...)
				for i, h := range heard {
					w.until(func() bool { return len(*h) > 0 }, "device to be told")
					if got := (*h)[0]; got.Code != c.code || !strings.Contains(got.Detail, "the round goes on") {
						t.Errorf("device %d heard %v, want %v", i, got, c.code)
					}
				}
				w.died()
			})
		})
	}
}

func TestCoordinatorThatCannotAcceptStops(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		w.now.listener.Close()
		if err := w.died(); err == nil || !strings.Contains(err.Error(), "accept connections") {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestStoppedBeforeItsFirstTurnItEnds(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		w.ctx = ctx
		if err := w.start(nil); err != nil {
			return // loading was cut short
		}
		if err := w.died(); err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestCeilingEndsTheTaskForGood(t *testing.T) {
	o := terms{task: func(task *coordinator.Task) {
		task.Rounds = 0
		units, err := privacy.Charge(task.CInt, task.SigmaTotSq)
		if err != nil {
			panic(err)
		}
		task.Ceiling = 2 * units
	}}
	bubble(t, o, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		w.pass(time.Hour)
		w.halt()
		w.mustStart() // and a new start does not begin again, nor say so again
		w.pass(time.Hour)
		var opened, exhausted int
		for i, e := range w.disk.now().entries {
			rec, err := audit.OpenEntry(w.coord.Cert.IDPK[:], e)
			if err != nil {
				t.Fatal(err)
			}
			switch r := rec.(type) {
			case *audit.RoundOpen:
				opened++
			case *audit.BudgetExhausted:
				exhausted++
				if r.Round != 3 || i != len(w.disk.now().entries)-1 {
					t.Errorf("entry %d: the budget was exhausted before round %d", i, r.Round)
				}
			}
		}
		if opened != 2 || exhausted != 1 {
			t.Errorf("%d rounds and %d ends of the budget are logged, want 2 and 1", opened, exhausted)
		}
	})
}

func TestNoRoundOpensOnceTheQuestionHasExpired(t *testing.T) {
	o := terms{rounds: 5, task: func(task *coordinator.Task) { task.Expiry = 90 * time.Second; task.Interval = time.Minute }}
	bubble(t, o, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		if e := w.over(2); e.Outcome != "done" {
			t.Errorf("%+v", e)
		}
		w.pass(time.Hour)
		if got := len(w.disk.now().ended); got != 2 {
			t.Errorf("%d rounds were run, want the 2 before the question expired", got)
		}
	})
}

// TestClockThatIsSetBackStopsNoRound starts again with a clock that is behind the last round: devices refuse times that
// run backwards.
func TestClockThatIsSetBackStopsNoRound(t *testing.T) {
	bubble(t, terms{rounds: 3}, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.over(1)
		w.crash()
		w.cfg.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
		w.mustStart()
		for r := uint64(2); r <= 3; r++ {
			if e := w.over(r); e.Outcome != "done" || e.U3 != 4 {
				t.Errorf("round %d: %+v, want all four included", r, e)
			}
		}
	})
}

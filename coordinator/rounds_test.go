package coordinator_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
)

// big makes a vector of two chunks.
var big = terms{items: 550, dim: 128, task: func(t *coordinator.Task) { t.WordBits = 32 }}

func TestRoundsGiveTheExactSum(t *testing.T) {
	for name, o := range map[string]terms{"three": {devices: 3}, "seven": {devices: 7, rounds: 3},
		"witnessed": {devices: 5, rounds: 2, mode: aggregation.ModeW}, "hybrid signatures": {mode: aggregation.ModeW, sig: protocol.SigHybrid},
		"confirmed":            {devices: 5, rounds: 2, mode: aggregation.ModeSM},
		"hybrid confirmations": {mode: aggregation.ModeSM, sig: protocol.SigHybrid},
		"x-wing":               {mode: aggregation.ModeW, task: func(t *coordinator.Task) { t.Kex = 2 }}, "chacha20": {task: func(t *coordinator.Task) { t.PRG = 3 }},
		"cohorts":    {devices: 12, rounds: 2, mode: aggregation.ModeW, task: func(t *coordinator.Task) { t.Cohorts = 3 }},
		"everything": {devices: 8, mode: aggregation.ModeW, sig: protocol.SigHybrid, task: func(t *coordinator.Task) { t.Kex, t.PRG, t.WordBits, t.Cohorts = 2, 2, 24, 2 }},
		"32 bits":    {task: func(t *coordinator.Task) { t.WordBits = 32 }},
		"24 bits":    {task: func(t *coordinator.Task) { t.WordBits = 24 }},
		"halves":     {half: true, rounds: 2},
		"rank 2":     {dim: 6, rounds: 2, task: func(t *coordinator.Task) { t.Local.Rank = 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, o, func(w *world) {
				w.mustStart()
				w.join(w.devices...)
				n := len(w.devices)
				for r := uint64(1); r <= uint64(w.cfg.Task.Rounds); r++ {
					e := w.over(r)
					if e.Outcome != "done" || e.U1 != n || e.U2 != n || e.U3 != n || len(e.Members) != n {
						t.Fatalf("round %d: %+v, want all %d included", r, e, n)
					}
					for _, d := range w.devices {
						d.counted(r)
					}
				}
				w.await("done", 0)
			})
		})
	}
}

// TestWordsLeftOutAreChosen: the smallest that carry the vectors' sum and, where the clip adapts, that of its bits.
func TestWordsLeftOutAreChosen(t *testing.T) {
	for name, c := range map[string]struct {
		task       func(*coordinator.Task)
		bits       uint16
		xMax, cInt uint32
	}{
		"few members":     {func(t *coordinator.Task) { t.CInt, t.SigmaTotSq = 200, 10_000 }, 16, 200, 200},
		"peaks are cut":   {func(t *coordinator.Task) { t.CInt, t.SigmaTotSq = 4000, 4_000_000 }, 16, (1<<15 - 1 - 12_000) / 6, 4000},
		"with full peaks": {func(t *coordinator.Task) { t.CInt, t.XMax, t.SigmaTotSq = 4000, 4000, 4_000_000 }, 24, 4000, 4000},
		"much noise":      {func(t *coordinator.Task) { t.CInt, t.SigmaTotSq = 6000, 36_000_000 }, 24, 6000, 6000},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{devices: 6, task: c.task}, func(w *world) {
				w.mustStart()
				w.join(w.devices...)
				if e := w.over(1); e.Outcome != "done" {
					t.Fatalf("%+v", e)
				}
				if o := w.opens()[0]; o.WordBits != c.bits || o.XMax != c.xMax || o.CInt != c.cInt {
					t.Errorf("%d bits, x_max %d, C_int %d; want %d, %d, %d", o.WordBits, o.XMax, o.CInt, c.bits, c.xMax, c.cInt)
				}
			})
		})
	}
}

func TestPhasesAreToldInOrderFromRecruitOn(t *testing.T) {
	bubble(t, terms{rounds: 3}, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		order := []string{"recruit", "keys", "shares", "inputs", "unmask", "settle"}
		last, round := 0, uint64(0)
		for _, e := range w.events {
			if e.Kind != "phase" {
				continue
			}
			at := slices.Index(order, e.Phase)
			if e.Round == round && at <= last || e.Round != round && at != 0 {
				t.Errorf("round %d: phase %s was told after %s of round %d", e.Round, e.Phase, order[last], round)
			}
			last, round = at, e.Round
		}
		if round != 3 {
			t.Errorf("the last phase told is of round %d, want 3", round)
		}
	})
}

// leaves makes a device vanish for good when it is about to send the n-th message of this type.
func (d *device) leaves(at protocol.Type, n int) {
	d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
		if m.Type() == at {
			if n--; n == 0 {
				d.vanish()
				return nil
			}
		}
		return []protocol.Message{m}
	}
}

// leavesOn makes a device vanish for good when it receives a message of this type.
func (d *device) leavesOn(at protocol.Type) {
	d.heard = func(m protocol.Message, err error) {
		if err == nil && m.Type() == at {
			d.vanish()
		}
	}
}

var stages = []struct {
	name       string
	leave      func(*device)
	u1, u2, u3 int // lost in a round from which so many vanish: 0 or 1 for each
	tooMany    string
}{
	{"before keys", func(d *device) { d.leaves(protocol.TypeAdvertise, 1) }, 1, 1, 1, "too few members"},
	{"after keys", func(d *device) { d.leaves(protocol.TypeShares, 1) }, 0, 1, 1, "too few shares"},
	{"after shares", func(d *device) { d.leaves(protocol.TypeInput, 1) }, 0, 0, 1, "too few inputs"},
	{"before the first chunk", func(d *device) { d.leaves(protocol.TypeChunk, 1) }, 0, 0, 1, "too few inputs"},
	// Mid-upload needs a vector of two chunks: TestUploadResumesAtTheDurableOffset.
	{"after upload", func(d *device) { d.leavesOn(protocol.TypeReceipt) }, 0, 0, 0, "too few reveals"},
	{"mid-unmask", func(d *device) { d.leaves(protocol.TypeReveal, 1) }, 0, 0, 0, "too few reveals"},
}

func TestDropsUpToTheThresholdLeaveTheSumExact(t *testing.T) {
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			bubble(t, terms{devices: 6}, func(w *world) {
				stage.leave(w.devices[0])
				w.mustStart()
				w.join(w.devices...)
				e, n := w.over(1), len(w.devices)
				if e.Outcome != "done" || e.U1 != n-stage.u1 || e.U2 != n-stage.u2 || e.U3 != n-stage.u3 {
					t.Errorf("%+v, want %d, %d, %d less of %d", e, stage.u1, stage.u2, stage.u3, n)
				}
				for _, d := range w.devices[1:] {
					d.counted(1)
				}
			})
		})
	}
}

func TestDropsBeyondTheThresholdAbort(t *testing.T) {
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			bubble(t, terms{devices: 6}, func(w *world) {
				for _, d := range w.devices[:4] {
					stage.leave(d)
				}
				w.mustStart()
				w.join(w.devices...)
				e := w.over(1)
				if e.Outcome != "aborted" || e.Reason != stage.tooMany || e.Sum != "" || e.Model != "" {
					t.Errorf("%+v, want an abort for %q that publishes nothing", e, stage.tooMany)
				}
				for _, d := range w.devices[4:] {
					if c := d.ending(1); !c.Aborted {
						t.Errorf("%s was told %+v", d.name, c)
					}
				}
			})
		})
	}
}

// TestNoRoundOpensForNobody wants a coordinator that nobody connects to to leave its log and its task's rounds alone, and to
// open the first round as soon as a device is there.
func TestNoRoundOpensForNobody(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		before := len(w.disk.now().entries)
		w.pass(24 * time.Hour)
		if after := len(w.disk.now().entries); after != before {
			t.Errorf("the log went from %d entries to %d", before, after)
		}
		w.join(w.devices...)
		w.await("done", 0)
	})
}

// TestStartTellsAgainHowTheLastRoundEnded wants the same words, members and hashes, with no round running: a crash just after
// the commit may have swallowed them.
func TestStartTellsAgainHowTheLastRoundEnded(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		want := w.over(uint64(w.cfg.Task.Rounds))
		w.halt()
		w.mu.Lock()
		heard := len(w.events)
		w.mu.Unlock()
		w.mustStart()
		got, _ := w.await("round", heard)
		if diff := cmp.Diff(want, got); diff != "" || len(want.Members) == 0 {
			t.Errorf("told first and again (-first +again):\n%s", diff)
		}
	})
}

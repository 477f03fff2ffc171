package coordinator_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
)

// slow is an accumulator whose sum waits to be let go.
type slow struct {
	aggregation.Accumulator
	wait func()
}

func (s *slow) Sum() []uint32 {
	s.wait()
	return s.Accumulator.Sum()
}

// TestWorkThatOutlivesItsRoundIsForgotten lets the sum of round 1 come in while round 2 waits for its own.
func TestWorkThatOutlivesItsRoundIsForgotten(t *testing.T) {
	bubble(t, terms{rounds: 2}, func(w *world) {
		var calls atomic.Int32
		first, second := make(chan struct{}), make(chan struct{})
		handed := make(chan struct{})
		w.cfg.Expand = func(shape aggregation.Shape) aggregation.Accumulator {
			wait := func() { <-second }
			if calls.Add(1) == 1 {
				wait = func() { <-first; close(handed) }
			}
			return &slow{aggregation.NewAccumulator(shape), wait}
		}
		w.mustStart()
		start := fmt.Sprintf("%x", w.disk.now().head.Model)
		w.join(w.devices...)
		if e := w.over(1); e.Outcome != "aborted" || e.Reason != "deadline passed" {
			t.Errorf("%+v, want round 1 aborted at its deadline", e)
		}
		w.phase(2, "settle")
		close(first)
		<-handed
		synctest.Wait() // the old sum has been handed in, and looked at
		close(second)
		if e := w.over(2); e.Outcome != "done" || e.U3 != 4 {
			t.Errorf("%+v, want round 2 done", e)
		}
		head := w.disk.now().head
		for _, name := range w.models() {
			if hash, _, _ := strings.Cut(name, "."); !slices.Contains([]string{"serving", start, fmt.Sprintf("%x", head.Model), fmt.Sprintf("%x", head.Serve)}, hash) {
				t.Errorf("the folder still holds %s, which round 1 left", name)
			}
		}
	})
}

func TestStoreThatCannotReadVectorsStopsInsteadOfAborting(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		if err := w.start(func(op string) fate {
			if op == "chunk" {
				return fails
			}
			return works
		}); err != nil {
			t.Fatal(err)
		}
		w.join(w.devices...)
		if err := w.died(); !errors.Is(err, errDisk) {
			t.Fatalf("ended with %v", err)
		}
		w.mustStart()
		if e := w.over(1); e.Outcome != "done" || e.U3 != 4 {
			t.Errorf("%+v, want the same round done", e)
		}
	})
}

func TestFullDiskWhileStagingStopsAndLosesNothing(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		full := false
		w.onTold = func(_ *process, e coordinator.Event) { full = e.Phase == "settle" }
		if err := w.start(func(op string) fate {
			if op == "write models" && full {
				return fails
			}
			return works
		}); err != nil {
			t.Fatal(err)
		}
		w.join(w.devices...)
		if err := w.died(); !errors.Is(err, errDisk) {
			t.Fatalf("ended with %v", err)
		}
		w.mustStart()
		if e := w.over(1); e.Outcome != "done" || e.U3 != 4 {
			t.Errorf("%+v, want the same round done", e)
		}
	})
}

func TestAlteredVectorAbortsTheRound(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.killAt("unmask")
		w.mustStart()
		w.join(w.devices...)
		w.died()
		for _, pieces := range w.disk.rows.chunks {
			bad := slices.Clone(pieces[0])
			bad[0] ^= 1
			pieces[0] = bad
			break
		}
		w.mustStart()
		if e := w.over(1); e.Outcome != "aborted" || e.Reason != "lost inputs" || e.Model != "" {
			t.Errorf("%+v, want an abort for a lost vector", e)
		}
	})
}

// TestNothingIsReadOnceTheRevealsAreIn: vectors are folded as they arrive, so that a store that reads nothing any more, from
// before the first reveal on, still gives the round.
func TestNothingIsReadOnceTheRevealsAreIn(t *testing.T) {
	bubble(t, big, func(w *world) {
		var closed atomic.Bool
		w.devices[2].leaves(protocol.TypeInput, 1) // one is lost, so that pair masks are taken off too
		w.devices[0].hook = func(_ *tapped, m protocol.Message) []protocol.Message {
			if m.Type() == protocol.TypeReveal {
				w.pass(time.Second) // whatever can be done without a reveal is done by then
				closed.Store(true)
			}
			return instead(m)
		}
		reads := 0 // under the disk's lock
		if err := w.start(func(op string) fate {
			if op == "chunk" {
				if closed.Load() {
					return fails
				}
				reads++
			}
			return works
		}); err != nil {
			t.Fatal(err)
		}
		w.join(w.devices...)
		if e := w.over(1); e.Outcome != "done" || e.U3 != 3 {
			t.Errorf("%+v, want three included", e)
		}
		if reads != 3*2 {
			t.Errorf("%d chunks were read, want each of three vectors' two once", reads)
		}
	})
}

package coordinator_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
)

var phases = []string{"recruit", "keys", "shares", "inputs", "unmask", "settle"}

// killAt kills the first process as soon as it has told a phase: nothing it does after that is ever written.
func (w *world) killAt(phase string) {
	w.showKeys()
	killed := false
	w.onTold = func(p *process, e coordinator.Event) {
		if e.Kind == "phase" && e.Phase == phase && !killed {
			killed = true
			p.disk.kill()
		}
	}
}

// showKeys lets one device wait until phase keys was told: with all answers in one turn of the loop nobody would see it.
func (w *world) showKeys() {
	w.devices[0].hook = func(_ *tapped, m protocol.Message) []protocol.Message {
		if m.Type() == protocol.TypeAdvertise {
			w.mu.Lock()
			round := uint64(1)
			for _, e := range w.events {
				if e.Kind == "round" {
					round = e.Round + 1
				}
			}
			w.mu.Unlock()
			w.until(func() bool {
				return slices.ContainsFunc(w.events, func(e coordinator.Event) bool {
					return e.Round == round && (e.Phase == "keys" || e.Kind == "round") // or the round is over without it
				})
			}, "phase keys of the round, or its end")
		}
		return instead(m)
	}
}

type stop struct {
	phase string
	mode  aggregation.Mode
}

func (s stop) name() string { return fmt.Sprintf("%v %s", s.mode, s.phase) }

// everyMode pairs each phase with each mode.
func everyMode(phases []string) (out []stop) {
	for _, mode := range []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM, aggregation.ModeW} {
		for _, phase := range phases {
			out = append(out, stop{phase, mode})
		}
	}
	return out
}

func TestCrashInEachPhaseGoesOnWithTheSameRound(t *testing.T) {
	for _, c := range everyMode(phases) {
		t.Run(c.name(), func(t *testing.T) {
			phase := c.phase
			bubble(t, terms{mode: c.mode}, func(w *world) {
				w.killAt(phase)
				w.mustStart()
				w.join(w.devices...)
				if err := w.died(); !errors.Is(err, errDead) {
					t.Fatalf("the coordinator ended with %v", err)
				}
				before := w.disk.now().entries
				w.mustStart()
				e := w.over(1)
				if e.Outcome != "done" || e.U3 != 4 {
					t.Errorf("%+v, want all four included", e)
				}
				if r, _ := w.await("recovered", 0); r.Round != 1 || r.Phase != phase || r.Outcome != "resumed" {
					t.Errorf("%+v, want round 1 resumed in phase %s", r, phase)
				}
				w.extends(before)
				for _, d := range w.devices {
					if phase != "unmask" {
						d.counted(1)
					} else if c := d.ending(1); c.Aborted { // the others may have answered before it was asked
						t.Errorf("%s was told %+v", d.name, c)
					}
				}
			})
		})
	}
}

func TestCrashPastTheDeadlineAbortsAndSaysWhy(t *testing.T) {
	for _, c := range everyMode(phases) {
		t.Run(c.name(), func(t *testing.T) {
			phase := c.phase
			bubble(t, terms{mode: c.mode}, func(w *world) {
				w.killAt(phase)
				w.mustStart()
				w.join(w.devices...)
				w.died()
				before := w.disk.now().entries
				w.pass(3 * time.Minute) // past every deadline
				w.mustStart()
				e := w.over(1)
				r, _ := w.await("recovered", 0)
				if e.Outcome == "done" && phase != "unmask" { // every answer may have been written before
					t.Errorf("%+v, want an abort", e)
				}
				if e.Outcome == "aborted" && (r.Outcome != "aborted" || r.Reason == "" || r.Reason != e.Reason) {
					t.Errorf("the operator was told %+v of a round that ended %+v", r, e)
				}
				w.extends(before)
				if phase == "recruit" || phase == "keys" {
					return // somebody may not have heard of the round
				}
				for _, d := range w.devices {
					d.ending(1)
				}
			})
		})
	}
}

// extends checks that the log was only added to.
func (w *world) extends(before [][]byte) {
	w.Helper()
	after := w.disk.now().entries
	for i, e := range before {
		if i >= len(after) || !bytes.Equal(e, after[i]) {
			w.Errorf("entry %d of the log was changed or lost", i)
			return
		}
	}
}

// TestEveryFailingOperationStopsAndTheNextProcessGoesOn lets the n-th operation on store or files fail, for every n until a
// run passes untouched: once with nothing written, and for commits once more with everything written and the answer lost.
// The coordinator stops with the error, and the next one brings the round to its end.
func TestEveryFailingOperationStopsAndTheNextProcessGoesOn(t *testing.T) {
	for _, how := range []fate{fails, limbo} {
		for n, hit := 1, true; hit; n++ {
			name := fmt.Sprintf("%s %d", map[fate]string{fails: "fail", limbo: "limbo"}[how], n)
			t.Run(name, func(t *testing.T) {
				bubble(t, terms{devices: 3}, func(w *world) { hit = w.survives(how, n) })
			})
			if t.Failed() {
				return
			}
		}
	}
}

// harmless are the operations that may fail by themselves: a device asks again for a download, and tidying is tried again.
var harmless = []string{"read models", "list models", "remove models"}

// survives fails the n-th operation and reports whether there was one.
func (w *world) survives(how fate, n int) bool {
	var hit string // under the disk's lock, as seen
	seen := 0
	err := w.start(func(name string) fate {
		if how == limbo && name != "commit" {
			return works
		}
		if seen++; seen != n {
			return works
		}
		hit = name
		return how
	})
	failed := func() string {
		w.disk.mu.Lock()
		defer w.disk.mu.Unlock()
		return hit
	}
	w.join(w.devices...)
	if err == nil {
		select {
		case <-w.now.ended:
			err = w.died()
		case <-w.soon("done"):
			if op := failed(); op == "" || slices.Contains(harmless, op) {
				return op != ""
			}
		}
	}
	if !errors.Is(err, errDisk) {
		w.Fatalf("%s failed and the coordinator ended with %v", failed(), err)
	}
	before := w.disk.now().entries
	w.mustStart()
	w.until(func() bool { return len(w.events) > 0 && w.events[len(w.events)-1].Kind == "done" }, "the task to be done")
	w.extends(before)
	if got := w.disk.now().head.Version; got != 1 {
		w.Errorf("after %s failed the head is version %d, want 1", failed(), got)
	}
	return true
}

// TestManyCrashesInOneTask crashes again and again, wherever chance has it.
func TestManyCrashesInOneTask(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			bubble(t, terms{rounds: 2, mode: aggregation.Mode(1 + seed%3)}, func(w *world) {
				rng := rand.New(rand.NewPCG(seed, 1))
				if w.signers != nil {
					w.signers.away = rand.New(rand.NewPCG(seed, 2))
				}
				judge := func(string) fate {
					switch rng.IntN(60) {
					case 0:
						return fails
					case 1:
						return limbo
					}
					return works
				}
				w.join(w.devices...)
				for life := 0; ; life++ {
					if life == 200 {
						t.Fatal("the task never ends")
					}
					if err := w.start(judge); err != nil {
						continue
					}
					select {
					case <-w.now.ended:
						if err := w.died(); !errors.Is(err, errDisk) {
							t.Fatalf("life %d ended with %v", life, err)
						}
						continue
					case <-w.soon("done"):
					}
					return
				}
			})
		})
	}
}

// TestUploadResumesAtTheDurableOffset breaks off three uploads of two chunks once the first is durable: one device's
// connection is cut, then the coordinator is killed under another's, and a third vanishes for good.
func TestUploadResumesAtTheDurableOffset(t *testing.T) {
	bubble(t, big, func(w *world) {
		cut, killed, lost := w.devices[0], w.devices[1], w.devices[2]
		received := false
		cut.heard = func(m protocol.Message, _ error) {
			if _, ok := m.(*protocol.Receipt); ok {
				w.mu.Lock()
				defer w.mu.Unlock()
				received = true
				w.stir()
			}
		}
		first := cut.breaksOff(func() { w.net.Cut(cut.id.Cert.IDPK) })
		second := killed.breaksOff(func() {
			w.until(func() bool { return received }, "the other upload to be whole")
			w.now.disk.kill()
			w.net.CutAll()
		})
		lost.leaves(protocol.TypeChunk, 2)
		w.mustStart()
		w.join(w.devices...)
		w.died()
		w.mustStart()
		if e := w.over(1); e.Outcome != "done" || e.U2 != 4 || e.U3 != 3 {
			t.Errorf("%+v, want three of four included", e)
		}
		for name, offsets := range map[string]*[]uint64{"cut": first, "killed": second} {
			if !slices.Equal(*offsets, []uint64{0, protocol.ChunkSize}) {
				t.Errorf("%s: chunks at %v were sent, want each once", name, *offsets)
			}
		}
		cut.counted(1)
		killed.counted(1)
	})
}

// breaksOff calls broken in place of the second chunk, once the first is durable, and gives the offsets of chunks sent.
func (d *device) breaksOff(broken func()) *[]uint64 {
	acked, before, offsets := false, d.heard, new([]uint64)
	d.heard = func(m protocol.Message, err error) {
		if s, ok := m.(*protocol.InputState); ok && s.Offset == protocol.ChunkSize {
			d.w.mu.Lock()
			acked = true
			d.w.stir()
			d.w.mu.Unlock()
		}
		if before != nil {
			before(m, err)
		}
	}
	done := false
	d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
		c, ok := m.(*protocol.Chunk)
		if ok && c.Offset > 0 && !done {
			done = true
			d.w.until(func() bool { return acked }, "the first chunk to be acknowledged")
			broken()
		} else if ok {
			*offsets = append(*offsets, c.Offset)
		}
		return instead(m)
	}
	return offsets
}

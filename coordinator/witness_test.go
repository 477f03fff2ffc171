package coordinator_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// quiet wants nothing to come for a while.
func (r *raw) quiet(d time.Duration) {
	r.w.Helper()
	ctx, cancel := context.WithTimeout(r.w.ctx, d)
	defer cancel()
	if m, err := r.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		r.w.Fatalf("heard %v (%v), want silence", m, err)
	}
}

// TestNobodyIsShownWhatNoWitnessSigned: not the log, not the rounds; and once they sign, everything in its order.
func TestNobodyIsShownWhatNoWitnessSigned(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		x := w.witness()
		x.down = errDown
		w.mustStart()
		r := w.devices[0].raw()
		r.say(&protocol.Hello{})
		r.quiet(10 * time.Second)
		if w.disk.public("checkpoint") != nil {
			t.Error("the public log has a checkpoint that no witness signed")
		}
		if e, _ := w.await("witness", 0); e.Outcome != "failing" || !strings.Contains(e.Detail, errDown.Error()) {
			t.Errorf("the operator was told %+v", e)
		}
		x.set(func(x *witnesses) { x.down = nil })
		if e, _ := w.await("witness", 1); e.Outcome != "recovered" {
			t.Errorf("the operator was told %+v", e)
		}
		first := r.next().(*protocol.Welcome)
		if size := x.opens(first.Evidence); size != 3 {
			t.Errorf("the welcome shows a log of %d entries, want policy, code and question", size)
		}
		second := r.next().(*protocol.Offer)
		if size := x.opens(second.Evidence); size != 4 || len(second.Evidence.Entries) != 4 {
			t.Errorf("the offer shows %d entries in a log of %d", len(second.Evidence.Entries), size)
		}
	})
}

func (r *raw) next() protocol.Message {
	r.w.Helper()
	m, err := r.Recv(r.w.ctx)
	if err != nil {
		r.w.Fatal(err)
	}
	return m
}

// TestWhatWaitsForWitnessesIsDroppedWithItsConnection, and a new connection gets its own.
func TestWhatWaitsForWitnessesIsDroppedWithItsConnection(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		x := w.witness()
		x.down = errDown
		w.mustStart()
		d := w.devices[0]
		old := d.raw()
		old.say(&protocol.Hello{})
		old.quiet(time.Second)
		newer := d.raw()
		newer.say(&protocol.Hello{})
		if h := old.end(); h.Code != protocol.CodeConflict {
			t.Errorf("the older connection heard %v", h)
		}
		x.set(func(x *witnesses) { x.down = nil })
		x.opens(newer.hear(protocol.TypeWelcome).(*protocol.Welcome).Evidence)
		x.opens(newer.hear(protocol.TypeOffer).(*protocol.Offer).Evidence)
		newer.quiet(time.Second)
	})
}

// TestHangUpOvertakesWhatWaitsForWitnesses, and nothing comes after it.
func TestHangUpOvertakesWhatWaitsForWitnesses(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		x := w.witness()
		x.down = errDown
		w.mustStart()
		r := w.devices[0].raw()
		r.say(&protocol.Hello{})
		r.say(&protocol.Hello{})
		if h := r.end(); h.Code != protocol.CodeUnexpected {
			t.Errorf("heard %v", h)
		}
	})
}

// TestRestartShowsWhatWasSignedBefore: the cosigned checkpoint is on disk before anybody sees it.
func TestRestartShowsWhatWasSignedBefore(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		x := w.witness()
		w.mustStart()
		r := w.devices[0].raw()
		r.say(&protocol.Hello{})
		shown := r.hear(protocol.TypeOffer).(*protocol.Offer).Evidence
		if got := w.disk.public("checkpoint"); !slices.Equal(got, shown.Checkpoint) {
			t.Errorf("the public log says %q, a device was shown %q", got, shown.Checkpoint)
		}
		x.set(func(x *witnesses) { x.down = errDown })
		w.crash()
		w.mustStart()
		r = w.devices[1].raw()
		r.say(&protocol.Hello{})
		if again := r.hear(protocol.TypeWelcome).(*protocol.Welcome).Evidence; !slices.Equal(again.Checkpoint, shown.Checkpoint) {
			t.Errorf("after a restart a device is shown %q", again.Checkpoint)
		}
		x.opens(r.hear(protocol.TypeOffer).(*protocol.Offer).Evidence)
	})
}

// TestOneRequestIsOutAtATimeForTheNewestTree lets rounds be opened and aborted while the witnesses think.
func TestOneRequestIsOutAtATimeForTheNewestTree(t *testing.T) {
	bubble(t, terms{rounds: 3}, func(w *world) {
		x := w.witness()
		w.mustStart()
		r := w.devices[0].raw()
		r.say(&protocol.Hello{})
		r.hear(protocol.TypeOffer)
		gate := make(chan struct{})
		x.set(func(x *witnesses) { x.gate = gate })
		w.over(1) // nobody came: RoundOpen at 3, Abort at 4
		w.pass(5 * time.Second)
		x.set(func(x *witnesses) {
			if x.most != 1 || x.out != 1 {
				t.Errorf("%d requests at once, %d are out", x.most, x.out)
			}
			x.gate = nil
		})
		w.mu.Lock()
		for _, e := range w.events {
			if e.Round > 1 {
				t.Errorf("%+v while no witness had signed the end of round 1", e)
			}
		}
		w.mu.Unlock()
		close(gate)
		w.over(3)
		synctest.Wait()
		x.set(func(x *witnesses) {
			if !slices.IsSorted(x.asked) || x.asked[len(x.asked)-1] != uint64(len(w.disk.now().entries)) {
				t.Errorf("asked for trees of %v entries, the log has %d", x.asked, len(w.disk.now().entries))
			}
		})
	})
}

// TestTheTaskIsDoneOnceItsLogIsSigned: whoever stops the coordinator then leaves a public log with the last round in it.
func TestTheTaskIsDoneOnceItsLogIsSigned(t *testing.T) {
	bubble(t, terms{mode: aggregation.ModeW}, func(w *world) {
		w.onTold = func(_ *process, e coordinator.Event) {
			if e.Kind == "phase" && e.Phase == "settle" {
				w.signers.set(func(x *witnesses) { x.down = errDown })
			}
		}
		w.mustStart()
		w.join(w.devices...)
		w.over(1)
		w.pass(20 * time.Second)
		w.mu.Lock()
		if slices.ContainsFunc(w.events, func(e coordinator.Event) bool { return e.Kind == "done" }) {
			t.Error("done before the last round was signed")
		}
		w.mu.Unlock()
		w.signers.set(func(x *witnesses) { x.down = nil })
		w.await("done", 0)
		if got, err := w.signers.policy.Open(logOrigin, prototest.Public(w.logKey), w.disk.public("checkpoint")); err != nil || got.Size != uint64(len(w.disk.now().entries)) {
			t.Errorf("the public log has %d of %d entries (%v)", got.Size, len(w.disk.now().entries), err)
		}
	})
}

// TestCosignaturesAreRefreshed: devices refuse a newest one of more than a day ago.
func TestCosignaturesAreRefreshed(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		x := w.witness()
		w.mustStart()
		w.pass(26 * time.Hour)
		if got, err := x.policy.Open(logOrigin, prototest.Public(w.logKey), w.disk.public("checkpoint")); err != nil || time.Since(time.Unix(int64(got.Time), 0)) > 2*time.Hour {
			t.Errorf("the checkpoint was signed at %d (%v), it is %d", got.Time, err, time.Now().Unix())
		}
	})
}

// TestAnswersThatThePolicyRefusesCountAsNone, whatever the client says.
func TestAnswersThatThePolicyRefusesCountAsNone(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"nothing":        func([]byte) []byte { return nil },
		"a line too few": func(b []byte) []byte { return b[:slices.Index(b[:len(b)-1:len(b)-1], '\n')+1] },
		"a changed byte": func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				x := w.witness()
				x.spoil = spoil
				w.mustStart()
				r := w.devices[0].raw()
				r.say(&protocol.Hello{})
				r.quiet(5 * time.Second)
				if e, _ := w.await("witness", 0); e.Outcome != "failing" {
					t.Errorf("the operator was told %+v", e)
				}
				x.set(func(x *witnesses) { x.spoil = nil })
				x.opens(r.hear(protocol.TypeWelcome).(*protocol.Welcome).Evidence)
			})
		})
	}
}

func TestWitnessesAndTheirPolicyGoTogether(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		x := w.witness()
		for name, spoil := range map[string]func(*coordinator.Config){
			"witnesses without a policy": func(c *coordinator.Config) { c.WitnessPolicy = audit.WitnessPolicy{} },
			"a policy without witnesses": func(c *coordinator.Config) { c.Witnesses = nil },
			"a policy of nobody":         func(c *coordinator.Config) { c.WitnessPolicy.Witnesses = nil },
		} {
			w.cfg.Witnesses, w.cfg.WitnessPolicy = x, x.policy
			spoil(&w.cfg)
			if err := w.start(nil); err == nil || !strings.Contains(err.Error(), "witness") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestRoundWithoutWitnessesEndsByItsDeadlines: they go away once the roster, or the survivors, are about to be logged. Nobody is
// shown either, the round ends without a sum, and the next one is whole.
func TestRoundWithoutWitnessesEndsByItsDeadlines(t *testing.T) {
	for _, c := range []struct {
		at     protocol.Type
		shown  protocol.Type // what no device may see of round 1
		reason string
	}{
		{protocol.TypeAdvertise, protocol.TypeRoster, "not cosigned"},
		{protocol.TypeInput, protocol.TypeSurvivors, "too few reveals"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			bubble(t, terms{rounds: 2, mode: aggregation.ModeW}, func(w *world) {
				x := w.signers
				var back atomic.Bool
				for _, d := range w.devices {
					d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
						if m.Type() == c.at && !back.Load() {
							x.set(func(x *witnesses) { x.down = errDown })
						}
						return instead(m)
					}
					d.heard = func(m protocol.Message, err error) {
						if err == nil && m.Type() == c.shown && !back.Load() {
							t.Errorf("a device was shown %v that no witness signed", c.shown)
						}
					}
				}
				w.mustStart()
				w.join(w.devices...)
				if e := w.over(1); e.Outcome != "aborted" || e.Reason != c.reason {
					t.Errorf("%+v, want %s", e, c.reason)
				}
				back.Store(true)
				x.set(func(x *witnesses) { x.down = nil })
				if e := w.over(2); e.Outcome != "done" || e.U3 != 4 {
					t.Errorf("%+v, want round 2 done", e)
				}
			})
		})
	}
}

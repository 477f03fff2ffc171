package participant

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// The rounds of these tests have deadlines of 10, 20, 30, 40 and 50 seconds, each with a tenth of grace.

// TestNothingIsDoneForAPhaseWhoseDeadlinePassed asks for each part at the last moment, and one nanosecond later.
func TestNothingIsDoneForAPhaseWhoseDeadlinePassed(t *testing.T) {
	for stage, end := range map[string]time.Duration{"model": 11, "trained": 11, "roster": 22, "delivery": 33, "state": 33, "survivors": 44} {
		for _, reload := range []bool{false, true} {
			t.Run(fmt.Sprint(stage, " restart ", reload), func(t *testing.T) {
				h := newHonest(t, 8)
				d := newDevice(t, h)
				d.reload = reload
				d.play(h, before(stage))
				d.since = h.now
				e := d.event(h, stage)
				sent, held := len(d.sent), d.machine.st.session
				h.now = h.now.Add(end * time.Second)
				out := d.step(h, e)
				if d.refused != nil || len(d.sent) != sent || out.Train != nil || out.Entry != nil {
					t.Fatalf("past the deadline the device says %v, and refuses %v", d.types()[sent:], d.refused)
				}
				if stage != "state" { // it may still be asked for its answer
					d.checkForgotten(held)
				}
				if e.Trained != nil && !zero(e.Trained.Update.(Floats)) {
					t.Error("the update that came too late is still there")
				}
			})
			t.Run(fmt.Sprint(stage, " in time, restart ", reload), func(t *testing.T) {
				h := newHonest(t, 8)
				d := newDevice(t, h)
				d.reload = reload
				d.play(h, before(stage))
				e := d.event(h, stage)
				sent, last := len(d.sent), time.Duration(1)
				if stage == "roster" {
					last = 2 * 50 * time.Millisecond // to draw, and as long for the way
				}
				h.now = h.now.Add(end*time.Second - last)
				if out := d.step(h, e); d.refused != nil || len(d.sent) == sent && out.Train == nil {
					t.Errorf("at the last moment the device says nothing; refused %v", d.refused)
				}
			})
		}
	}
}

func before(stage string) string { return stages[slices.Index(stages, stage)-1] }

func zero(u []float32) bool {
	return !slices.ContainsFunc(u, func(v float32) bool { return v != 0 })
}

// checkForgotten wants the session's secrets to be zero in memory and gone from the saved state, and the round remembered.
func (d *device) checkForgotten(held session) {
	d.t.Helper()
	if !d.reload { // else the process that held them is gone
		d.checkZeroed(held)
	}
	var s state
	if err := s.load(d.disk); err != nil {
		d.t.Fatal(err)
	}
	if !s.Over || s.Secrets != nil || s.Reveal != nil || s.Shares != nil || s.Neighbours != nil || s.OpenHash != held.OpenHash || len(d.scratch.Names()) > 0 {
		d.t.Errorf("saved: over %v, secrets %v, files %v", s.Over, s.Secrets != nil, d.scratch.Names())
	}
}

// TestRepeatedQuestionsStopAtTheirDeadlines: what was answered before is not sent again for a phase that is over.
func TestRepeatedQuestionsStopAtTheirDeadlines(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "trained")
	offer := Event{Msg: &protocol.Offer{Code: h.code, ModelSize: 4, Evidence: h.prove(h.policyAt, h.questionAt, h.openAt)}}
	silent := func(what string, at time.Duration, e Event) {
		t.Helper()
		h.now = d.since.Add(at * time.Second)
		if out := d.step(h, e); d.refused != nil || len(out.Send) > 0 || out.Fetch != nil {
			t.Errorf("the %s again, after %v s: sent %v, refused %v", what, int(at), out.Send, d.refused)
		}
	}
	silent("offer", 11, offer)
	d.step(h, d.event(h, "roster"))
	silent("roster", 22, Event{Msg: h.rosterMsg()})
	delivery := h.delivery()
	d.step(h, Event{Msg: delivery})
	d.step(h, d.event(h, "state"))
	d.step(h, Event{Connected: true})
	silent("delivery", 33, Event{Msg: delivery})
	silent("input state", 33, d.event(h, "state"))
	d.step(h, d.event(h, "receipt"))
	survivors := h.survivors()
	d.step(h, Event{Msg: survivors})
	survivors.Evidence.Consistency = nil
	silent("survivors", 44, Event{Msg: survivors})
	if n := len(allOf[*protocol.Reveal](d)); n != 1 {
		t.Errorf("%d answers", n)
	}
}

// TestHeldAnswerIsErased: in mode SM the answer is ready before the neighbours confirm, and goes with the rest if they are late.
func TestHeldAnswerIsErased(t *testing.T) {
	h := newHonest(t, 8)
	h.mode = aggregation.ModeSM
	d := newDevice(t, h)
	for _, s := range stages[:slices.Index(stages, "survivors")+1] {
		d.step(h, d.event(h, s))
	}
	held := d.machine.st.session
	h.now = h.now.Add(44 * time.Second)
	if out := d.step(h, d.event(h, "confirmed")); len(held.Reveal) == 0 || len(out.Send) > 0 || d.refused != nil {
		t.Errorf("sent %v, refused %v", out.Send, d.refused)
	}
	d.checkForgotten(held)
}

// TestUploadStopsInTheMiddleAtItsDeadline lets the deadline pass between two chunks.
func TestUploadStopsInTheMiddleAtItsDeadline(t *testing.T) {
	h, d := longRound(t)
	d.play(h, "delivery")
	out := d.one(h, d.event(h, "state"))
	h.now = h.now.Add(33 * time.Second)
	if again := d.one(h, Event{More: true}); !out.More || again.More || len(again.Send) > 0 {
		t.Errorf("more %v, then %v with %d messages", out.More, again.More, len(again.Send))
	}
}

// TestLateEndStillGivesAReceipt: the secrets go at the deadline of unmask, and what proves that the vector counted does not.
func TestLateEndStillGivesAReceipt(t *testing.T) {
	for _, reload := range []bool{false, true} {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		d.play(h, "survivors")
		d.reload = reload
		held := d.machine.st.session
		h.now = h.now.Add(44 * time.Second)
		if out := d.step(h, Event{}); !out.Erase || !out.Drop || out.Save == nil || out.Missed != nil {
			t.Errorf("save %v, erase %v, drop %v, missed %v", out.Save != nil, out.Erase, out.Drop, out.Missed)
		}
		d.checkForgotten(held)
		if out := d.step(h, Event{Connected: true}); out.Send[0].(*protocol.Hello).OpenHash != h.openHash {
			t.Error("the device does not name the round whose end it waits for")
		}
		h.now = h.now.Add(20 * time.Hour)
		d.step(h, d.event(h, "close"))
		if d.closed == nil || !d.closed.Counted || d.closed.Receipt == nil {
			t.Errorf("restart %v: closed %+v, refused %v", reload, d.closed, d.refused)
		}
	}
}

// TestLateReceiptFitsItsOutboxRow: the coordinator's receipt may come when the secrets are gone, and completes the row as it is.
func TestLateReceiptFitsItsOutboxRow(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "state")
	h.now = h.now.Add(time.Minute)
	d.step(h, d.event(h, "receipt"))
	if len(d.outbox) != 2 || d.outbox[1].Receipt == nil || d.outbox[0].Bytes != d.outbox[1].Bytes || d.outbox[0].Digest != d.outbox[1].Digest {
		t.Errorf("%+v", d.outbox)
	}
}

// TestLogGrowsWithLateMessages: what a message shows of the log counts even if nothing is done about it, or the next proof would
// not fit.
func TestLogGrowsWithLateMessages(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "receipt")
	h.now = h.now.Add(44 * time.Second)
	d.step(h, d.event(h, "survivors"))
	d.step(h, d.event(h, "close"))
	if d.refused != nil || d.closed == nil || d.closed.Counted {
		t.Errorf("closed %+v, refused %v", d.closed, d.refused)
	}
}

// TestRoundWhoseEndNeverComesIsForgotten a day after its last deadline.
func TestRoundWhoseEndNeverComesIsForgotten(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	if _, ok := d.machine.Due(h.now); ok {
		t.Error("a device without a round waits for a deadline")
	}
	d.play(h, "receipt")
	for _, end := range []time.Duration{44 * time.Second, 55*time.Second + clockSlack} {
		for h.now.Before(d.since.Add(end)) {
			wait, ok := d.machine.Due(h.now)
			if next := h.now.Add(wait); !ok || wait <= 0 || next.After(d.since.Add(end)) {
				t.Fatalf("a door would look in %v (%v), the deadline is %v after %v", wait, ok, end, d.since)
			}
			h.now = h.now.Add(wait - 1)
			if out := d.step(h, Event{}); out.Save != nil {
				t.Error("it took effect early")
			}
			if h.now = h.now.Add(1); h.now.Before(d.since.Add(end)) {
				d.step(h, Event{}) // what has passed is written down
			}
		}
		if out := d.step(h, Event{}); out.Save == nil || !out.Erase {
			t.Error("it has no effect")
		}
	}
	if d.machine.Active() {
		t.Error("the round is still there")
	}
	if out := d.step(h, Event{Connected: true}); out.Send[0].(*protocol.Hello).Round != 0 {
		t.Error("the device still names it")
	}
}

// TestSlowTrainingIsToldToTheOwner: the device goes on to hear how the round ended, and takes part in the next.
func TestSlowTrainingIsToldToTheOwner(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "model")
	e := d.event(h, "trained")
	h.now = h.now.Add(11 * time.Second)
	d.step(h, e)
	if d.missed == nil || d.missed.Round != 1 || d.machine.Training() {
		t.Errorf("missed %+v, training %v", d.missed, d.machine.Training())
	}
	if d.step(h, Event{Msg: h.abort()}); d.closed == nil {
		t.Error("how the round ended is not heard")
	}
	d.closed = nil
	if d.play(h, "close"); d.closed == nil || !d.closed.Counted {
		t.Errorf("the next round: closed %+v, refused %v", d.closed, d.refused)
	}
}

// TestClockThatIsSetBackDoesNotMakeSecretsLiveLonger: within a process the monotonic clock counts; after a restart a wall clock
// that lies before the round counts as too late.
func TestClockThatIsSetBackDoesNotMakeSecretsLiveLonger(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	h.now = time.Now()
	d.play(h, "receipt")
	d.machine.st.AcceptedAt += int64(time.Hour) // as if the wall clock had been an hour ahead until now
	h.now = h.now.Add(43 * time.Second)
	if d.step(h, Event{}); d.machine.st.Over {
		t.Fatal("the round is over before its deadline")
	}
	h.now = h.now.Add(time.Second)
	if d.step(h, Event{}); !d.machine.st.Over {
		t.Error("the round outlives its deadline by the monotonic clock")
	}

	h, d = newHonest(t, 8), nil
	d = newDevice(t, h)
	d.play(h, "receipt")
	held := d.machine.st.session
	d.boot()
	h.now = h.now.Add(-time.Second)
	if wait, ok := d.machine.Due(h.now); !ok || wait > 0 {
		t.Errorf("a device that cannot tell how late it is waits %v", wait)
	}
	d.step(h, Event{Connected: true})
	d.reload = true
	d.checkForgotten(held)
	if wait, _ := d.machine.Due(h.now); wait <= 0 {
		t.Error("there is still something to do at once")
	}
}

// TestRestartGoesOnWithTheSameClock: a clock that is set back after a restart does not help either.
func TestRestartGoesOnWithTheSameClock(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	h.now = time.Now()
	d.play(h, "receipt")
	d.boot()
	h.now = h.now.Add(30 * time.Second)
	d.step(h, Event{Connected: true})
	d.machine.st.AcceptedAt += int64(10 * time.Second) // the wall clock is set back now
	h.now = h.now.Add(14 * time.Second)
	if d.step(h, Event{}); !d.machine.st.Over {
		t.Error("the round outlives its deadline")
	}
}

// TestRestartsDoNotMakeSecretsLiveLonger: what one process saw pass counts in the next, wherever the wall clock is set back to.
func TestRestartsDoNotMakeSecretsLiveLonger(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "receipt")
	accepted, lived := h.now, time.Duration(0)
	for range 10 {
		for end := h.now.Add(40 * time.Second); h.now.Before(end); { // as a door looks
			wait, ok := d.machine.Due(h.now)
			if !ok {
				t.Fatal("the round is forgotten, and its end not waited for")
			}
			wait = min(max(wait, 1), end.Sub(h.now))
			h.now, lived = h.now.Add(wait), lived+wait
			if d.step(h, Event{}); d.machine.st.Over {
				if most := 44*time.Second + 44*time.Second/10; lived > most {
					t.Errorf("secrets live for %v, at most %v are allowed", lived, most)
				}
				return
			}
		}
		d.boot()
		h.now = accepted.Add(time.Second)
	}
	t.Errorf("secrets are still there after %v", lived)
}

// TestTimeIsWrittenDownSeldom: each is a commit on somebody's disk.
func TestTimeIsWrittenDownSeldom(t *testing.T) {
	h := newHonest(t, 8)
	h.hooks.open = func(o *audit.RoundOpen) {
		o.Deadlines = [5]uint32{100_000, 200_000, 300_000, 400_000, 500_000}
	}
	d := newDevice(t, h)
	d.play(h, "receipt")
	saves := 0
	for !d.machine.st.Over {
		wait, _ := d.machine.Due(h.now)
		h.now = h.now.Add(wait)
		if d.one(h, Event{}).Save != nil {
			saves++
		}
	}
	if saves > 11 {
		t.Errorf("%d commits in a phase in which nothing happens", saves)
	}
}

// TestOwnerIsToldOfARoundThatGoesOn without this device, whatever it waited for, also if it refuses something in the same step.
func TestOwnerIsToldOfARoundThatGoesOn(t *testing.T) {
	for stage, end := range map[string]time.Duration{"offer": 11, "model": 11, "trained": 22, "roster": 33, "delivery": 44, "state": 44} {
		for _, bad := range []bool{false, true} {
			h := newHonest(t, 8)
			d := newDevice(t, h)
			d.play(h, stage)
			h.now = h.now.Add(end*time.Second - 1)
			if d.step(h, Event{}); d.missed != nil {
				t.Errorf("after %s: told early", stage)
			}
			h.now = h.now.Add(1)
			e := Event{}
			if bad {
				e.Msg = &protocol.ModelGet{}
			}
			if out := d.step(h, e); out.Missed == nil || out.Missed.Round != 1 || out.Missed.Detail == "" || bad != (out.Refused != nil) {
				t.Errorf("after %s: missed %+v, refused %v", stage, out.Missed, out.Refused)
			}
		}
	}
}

// TestSleepCounts: the monotonic clock stands still while a computer sleeps, the wall clock does not.
func TestSleepCounts(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	h.now = time.Now()
	d.play(h, "receipt")
	d.machine.st.AcceptedAt -= int64(44 * time.Second)
	if wait, _ := d.machine.Due(h.now); wait > 0 {
		t.Errorf("it waits %v", wait)
	}
	if d.step(h, Event{}); !d.machine.st.Over {
		t.Error("the round outlives its deadline")
	}
}

// TestDeadlinesCountFromAcceptance: whoever hears of a round late has as long as the others.
func TestDeadlinesCountFromAcceptance(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.step(h, Event{Connected: true})
	offer := h.offer()
	h.now = h.now.Add(time.Hour)
	d.step(h, Event{Msg: offer})
	for _, s := range stages[2:] {
		d.step(h, d.event(h, s))
	}
	if d.closed == nil || !d.closed.Counted {
		t.Errorf("closed %+v, refused %v", d.closed, d.refused)
	}
}

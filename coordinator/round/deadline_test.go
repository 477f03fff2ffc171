package round

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// TestEveryAbortHasItsReason reaches every reason for which a round ends without a sum.
func TestEveryAbortHasItsReason(t *testing.T) {
	const n = 5 // t = 4, at least 4 survivors
	reached := map[Reason]bool{}
	for name, c := range map[string]struct {
		run    func(w *world)
		want   Reason
		millis *[5]uint32 // that the phases took; those that never began took none
	}{
		"nobody comes": {func(w *world) { w.at(10) }, TooFewMembers, &[5]uint32{10_000}},
		"shares begin after four seconds": {func(w *world) {
			w.at(4)
			w.advertiseAll()
			w.at(20)
		}, TooFewShares, &[5]uint32{4000, 16_000}},
		"two come": {func(w *world) {
			w.connectAll()
			for _, d := range w.devices[:2] {
				w.ok(d.say(d.advertise()))
			}
			w.at(9.999)
			w.in(Keys)
			w.at(10)
		}, TooFewMembers, nil},
		"two do not share": {func(w *world) {
			w.advertiseAll()
			for _, d := range w.devices[:3] {
				w.ok(d.say(d.shares()))
			}
			w.at(19.999)
			w.in(Shares)
			w.at(20)
		}, TooFewShares, nil},
		"two send no vector": {func(w *world) {
			w.shareAll()
			for _, d := range w.devices[:3] {
				w.ok(d.say(d.input()))
				d.upload()
			}
			w.at(29.999)
			w.in(Inputs)
			w.at(30)
		}, TooFewInputs, nil},
		"announced is not sent": {func(w *world) {
			w.shareAll()
			for i, d := range w.devices {
				w.ok(d.say(d.input()))
				if i < 3 {
					d.upload()
				}
			}
			w.at(30)
		}, TooFewInputs, nil},
		"too few answer by the deadline": {func(w *world) {
			w.inputAll()
			for _, d := range w.devices[:3] {
				w.ok(d.say(d.reveal(true)))
			}
			w.at(39.999)
			w.in(Unmask)
			w.at(40)
		}, TooFewReveals, nil},
		"everybody is gone": {func(w *world) {
			w.inputAll()
			for _, d := range w.devices {
				d.disconnect()
			}
			w.in(Unmask)
			w.now = w.now.Add(grace)
			w.step(Event{Kind: Ticked})
		}, TooFewReveals, nil},
		"bad shares": {func(w *world) {
			w.inputAll()
			for i, d := range w.devices {
				m := d.reveal(i == 0)
				for j := range m.SelfShares {
					m.SelfShares[j].Share = [32]byte{byte(i + 1), byte(j)}
				}
				m.Sign(protocol.Signer{Ed: d.key})
				w.ok(d.say(m))
			}
			if _, err := w.settle(); err == nil || !strings.Contains(err.Error(), "commitment") {
				w.t.Errorf("settled with bad shares: %v", err)
			}
		}, BadReveals, nil},
		"lost vector":      {func(w *world) { w.revealAll().step(Event{Kind: Unsettled, Why: LostInputs}) }, LostInputs, nil},
		"no model":         {func(w *world) { w.revealAll().step(Event{Kind: Unsettled, Why: SettleFailed}) }, SettleFailed, nil},
		"without a reason": {func(w *world) { w.revealAll().step(Event{Kind: Unsettled}) }, SettleFailed, nil},
		"settling takes too long": {func(w *world) {
			w.revealAll().at(49.999)
			w.in(Settling)
			w.at(50)
		}, DeadlinePassed, nil},
		"cancelled at once":   {func(w *world) { w.step(Event{Kind: Unsettled, Why: Cancelled}) }, Cancelled, nil},
		"cancelled in inputs": {func(w *world) { w.shareAll().step(Event{Kind: Unsettled, Why: Cancelled}) }, Cancelled, nil},
	} {
		w := newWorld(t, settings{n: n, delta: 3000})
		c.run(w)
		w.failed(c.want)
		w.replays()
		if c.millis != nil && w.result.Millis != *c.millis {
			t.Errorf("%s: the phases took %v", name, w.result.Millis)
		}
		reached[c.want] = true
		if w.plan != nil && c.want != BadReveals && c.want != LostInputs && c.want != SettleFailed && c.want != DeadlinePassed {
			t.Errorf("%s: work was handed out", name)
		}
		for _, d := range w.devices {
			if w.m.present[d.id] && w.m.members[d.id] != nil {
				take[*protocol.Close](d)
			}
		}
	}
	for r := TooFewMembers; r <= Cancelled; r++ {
		if !reached[r] {
			t.Errorf("no test reaches the reason %q", r)
		}
	}
}

func TestCancelIsAnUnsettledEvent(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).shareAll()
	out := w.m.Cancel(w.now, Cancelled, "stopped for good")
	if len(out.Facts) != 1 {
		t.Fatalf("%d facts", len(out.Facts))
	}
	rec, err := audit.OpenEntry(prototest.Public(w.cfg.Key), out.Facts[0].Entry)
	if a, ok := rec.(*audit.Abort); err != nil || !ok || a.Reason != uint16(Cancelled) || a.Phase != uint16(Inputs) || a.U2 != 5 || a.U3 != 0 {
		t.Fatalf("%+v, %v", rec, err)
	}
}

// TestAbsentMembersHaveTheirGrace: a phase waits for a member that lost its connection so long, and no longer; one that comes
// back in time is waited for again.
func TestAbsentMembersHaveTheirGrace(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).advertiseAll()
	for _, d := range w.devices[:4] {
		w.ok(d.say(d.shares()))
	}
	last := w.devices[4]
	w.at(1)
	last.disconnect()
	if want := w.now.Add(grace); !w.m.Next().Equal(want) {
		t.Fatalf("the next moment is %v, want the end of grace %v", w.m.Next(), want)
	}
	w.at(2.5)
	w.in(Shares)
	last.connect() // in time, and told once more
	if got := take[*protocol.Roster](last); got.Index != w.m.members[last.id].index {
		t.Fatal("another roster")
	}
	if want := time.Unix(openedAt+20, 0); !w.m.Next().Equal(want) {
		t.Fatalf("the next moment is %v, want the deadline %v", w.m.Next(), want)
	}
	w.at(9)
	w.in(Shares)
	last.disconnect()
	last.disconnect() // again: the grace does not start anew
	w.at(10.9)
	w.in(Shares)
	w.at(11)
	w.in(Inputs)
	if w.m.members[last.id].reason != NoShares {
		t.Error("the member did not drop for its shares")
	}
	last.connect() // too late: nothing is wanted from it
	if code := last.say(last.shares()); code != protocol.CodeLate {
		t.Errorf("late shares: %v", code)
	}
	w.replays()
}

// TestRestartGivesEverybodyGrace: nobody is connected to a coordinator that has just come up, and no phase ends for that.
func TestRestartGivesEverybodyGrace(t *testing.T) {
	for _, phase := range []Phase{Shares, Inputs, Unmask} {
		w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
		w.advance(phase, false)
		w.at(5)
		w.step(Event{Kind: Restarted})
		w.in(phase)
		w.at(5.5)
		w.in(phase)
		w.inbox = map[[32]byte][]protocol.Message{}
		for _, d := range w.devices {
			d.connect()
		}
		w.in(phase)
		last := w.devices[4]
		switch phase { // and what it owes is asked for again
		case Shares:
			take[*protocol.Roster](last)
		case Inputs:
			take[*protocol.Delivery](last)
			take[*protocol.Receipt](w.devices[0])
		case Unmask:
			take[*protocol.Survivors](last)
		}
		w.replays()
	}
}

// TestOnlyPresentMembersAreWaitedForOnceThereIsEnough: with every secret covered the round does not sit out a grace, but it
// waits for those that are there.
func TestOnlyPresentMembersAreWaitedForOnceThereIsEnough(t *testing.T) {
	w := newWorld(t, settings{n: 10, delta: 3000}).inputAll()
	for _, d := range w.devices[:8] {
		w.ok(d.say(d.reveal(true)))
	}
	w.in(Unmask) // two are still there
	w.devices[8].disconnect()
	w.in(Unmask)
	w.devices[9].disconnect()
	w.in(Settling)
	want := w.plainSum()
	if sum, err := w.settle(); err != nil || !equal(sum, want) {
		t.Fatal(err)
	}
	// And with somebody present but silent, the deadline ends it.
	w = newWorld(t, settings{n: 10, delta: 3000}).inputAll()
	for _, d := range w.devices[:8] {
		w.ok(d.say(d.reveal(true)))
	}
	w.at(39.9)
	w.in(Unmask)
	w.at(40)
	w.in(Settling)
}

// TestNothingIsDecidedAfterTheLastEntry: between the decision to abort and its place in the log everything is ignored.
func TestNothingIsDecidedAfterTheLastEntry(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	for _, d := range w.devices[:2] {
		w.ok(d.say(d.advertise()))
	}
	w.slow = true
	w.at(10)
	if len(w.facts) != 1 || !w.m.Next().IsZero() || len(w.m.Awaiting()) != 1 {
		t.Fatalf("%d facts, next %v, awaiting %d", len(w.facts), w.m.Next(), len(w.m.Awaiting()))
	}
	for _, d := range w.devices[2:] { // enough members now, were they counted
		if code := d.say(d.advertise()); code != protocol.CodeOK {
			t.Errorf("hung up with %v: it is told when the abort is in the log", code)
		}
		if len(w.last.Send)+len(w.last.Facts) > 0 {
			t.Errorf("something was sent or decided: %+v", w.last)
		}
	}
	for _, e := range []Event{{Kind: Ticked}, {Kind: Settled}, {Kind: Unsettled, Why: Cancelled}, {Kind: Uploaded, From: w.devices[0].id}, {Kind: Restarted},
		{Kind: Connected, From: w.devices[0].id}, {Kind: Disconnected, From: w.devices[0].id}, {Kind: Connected, From: w.devices[1].id}} {
		if out := w.step(e); len(out.Facts)+len(out.Send) > 0 || out.Work != nil || out.Result != nil {
			t.Errorf("kind %d: %+v", e.Kind, out)
		}
	}
	w.showLog()
	w.failed(TooFewMembers)
	w.inboxHasClose(w.devices[1])
	w.replays()
}

func (w *world) inboxHasClose(d *device) {
	w.t.Helper()
	if end := take[*protocol.Close](d); end.OpenHash != w.m.OpenHash() || end.InputProof != nil {
		w.t.Errorf("%+v", end)
	}
}

// TestCancelBeforeTheSurvivorsAreLogged: the entry is on its way when the round is cancelled; nobody is asked to reveal.
func TestCancelBeforeTheSurvivorsAreLogged(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).shareAll()
	w.slow = true
	for _, d := range w.devices {
		w.ok(d.say(d.input()))
		d.upload()
	}
	if len(w.m.Awaiting()) != 1 {
		t.Fatal("the survivors are not on their way")
	}
	w.step(Event{Kind: Unsettled, Why: Cancelled})
	w.inbox = map[[32]byte][]protocol.Message{}
	w.showLog()
	w.failed(Cancelled)
	for _, d := range w.devices {
		for _, m := range w.inbox[d.id] {
			if m.Type() == protocol.TypeSurvivors {
				t.Fatal("a reveal was asked for after the abort")
			}
		}
	}
	if w.result.U3 != 5 {
		t.Errorf("U3 is %d: the set was logged", w.result.U3)
	}
	w.replays()
}

// TestWaitingForTheLogAsksForNoTicks: a driver that obeys Next would spin.
func TestWaitingForTheLogAsksForNoTicks(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	w.slow = true
	for _, d := range w.devices {
		w.ok(d.say(d.advertise()))
	}
	if w.m.Phase() != Keys || !w.m.Next().IsZero() {
		t.Errorf("phase %v, next %v", w.m.Phase(), w.m.Next())
	}
	out := w.at(60) // long past every deadline: nothing but the log is waited for
	if len(out.Facts)+len(out.Send) > 0 {
		t.Errorf("%+v", out)
	}
	stranger := newDevice(w, "stranger")
	if code := stranger.say(stranger.advertise()); code != protocol.CodeLate {
		t.Errorf("keys after the roster was frozen: %v", code)
	}
	w.showLog() // the roster; now every deadline has passed
	w.showLog()
	for !w.m.Ended() {
		w.step(Event{Kind: Ticked})
		w.showLog()
	}
	w.failed(TooFewShares)
	w.replays()
}

// TestTimeNeverRunsBackwards: an event with an older time is handled as if at the newest one.
func TestTimeNeverRunsBackwards(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).advertiseAll()
	w.at(19)
	w.now = time.Unix(openedAt-1000, 0)
	w.step(Event{Kind: Ticked})
	w.in(Shares)
	for _, d := range w.devices {
		w.ok(d.say(d.shares()))
	}
	if got := w.m.since[Inputs]; !got.Equal(time.Unix(openedAt+19, 0)) {
		t.Errorf("phase inputs began at %v", got)
	}
	w.replays()
}

func TestLongDetailIsCutBetweenCharacters(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000})
	w.step(Event{Kind: Unsettled, Why: SettleFailed, Detail: strings.Repeat("a", maxDetail-1) + "éé\xff"})
	w.failed(SettleFailed)
	if d := w.result.Detail; len(d) != maxDetail-1 || !utf8.ValidString(d) {
		t.Errorf("%d bytes, valid %v", len(d), utf8.ValidString(d))
	}
}

// TestEndedRoundAnswersLateDevices: who comes back hears how it ended; nothing changes any more.
func TestEndedRoundAnswersLateDevices(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
	late := w.devices[3]
	late.disconnect()
	if _, err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.in(Done)
	for _, m := range w.inbox[late.id] {
		if m.Type() == protocol.TypeClose {
			t.Fatal("a device that is away was told")
		}
	}
	late.connect()
	if end := take[*protocol.Close](late); end.InputProof == nil {
		t.Error("no path to inputs_root")
	}
	w.inbox[late.id] = nil
	w.ok(late.say(late.advertise()))
	take[*protocol.Close](late)
	stranger := newDevice(w, "stranger")
	if out := stranger.connect(); len(out.Send) > 0 {
		t.Errorf("a stranger is told %+v", out.Send)
	}
	for _, e := range []Event{{Kind: Ticked}, {Kind: Settled}, {Kind: Unsettled}, {Kind: Started}, {Kind: Restarted}, {Kind: Logged, Hash: [32]byte{1}, Index: 99},
		{Kind: Disconnected, From: late.id}, {Kind: Uploaded, From: late.id}} {
		if out := w.step(e); len(out.Facts)+len(out.Send) > 0 || out.Work != nil || out.Result != nil {
			t.Errorf("kind %d after the end: %+v", e.Kind, out)
		}
	}
	w.in(Done)
	w.replays()
}

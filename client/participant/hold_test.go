package participant

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"pgregory.net/rapid"
)

func TestMomentIsTheFirstThatCanBeKept(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	h := Hold{At: at(1000), Step: 250 * time.Millisecond, End: at(1600)}
	for _, c := range []struct {
		ready, want int
		ok          bool
	}{{0, 1000, true}, {999, 1000, true}, {1000, 1000, true}, {1001, 1250, true}, {1250, 1250, true}, {1251, 1500, true}, {1500, 1500, true}, {1501, 1750, false}, {9000, 9000, false}} {
		if got, ok := h.Moment(at(c.ready)); ok != c.ok || !got.Equal(at(c.want)) {
			t.Errorf("ready after %d ms: %v, %v, want %d ms", c.ready, got.Sub(start), ok, c.want)
		}
	}
	if got, ok := (Hold{}).Moment(at(7)); !ok || !got.Equal(at(7)) {
		t.Errorf("nothing holds it back, and it leaves at %v, %v", got, ok)
	}
}

// TestMomentTellsOnlyTheStep: of all that a device could be ready at, whoever watches learns one of a few.
func TestMomentTellsOnlyTheStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_800_000_000, 0)
		h := Hold{At: start.Add(time.Duration(rapid.Int64Range(0, 1e10).Draw(t, "at"))), Step: 250 * time.Millisecond, End: start.Add(time.Hour)}
		ready := start.Add(time.Duration(rapid.Int64Range(0, 1e11).Draw(t, "ready")))
		at, ok := h.Moment(ready)
		if !ok || at.Before(ready) || at.Before(h.At) || at.Sub(h.At)%h.Step != 0 || at.After(h.At) && at.Sub(ready) >= h.Step {
			t.Fatalf("ready at %v: %v after the first, %v", ready.Sub(h.At), at.Sub(h.At), ok)
		}
	})
}

// TestSharesAreHeldByWhatEverybodyKnows: words and times alone say how long, and nothing else of a round is held.
func TestSharesAreHeldByWhatEverybodyKnows(t *testing.T) {
	for _, c := range []struct {
		words  int
		keys   time.Duration // from acceptance to the roster
		want   time.Duration
		step   time.Duration
		random string
	}{
		{48, 0, 50 * time.Millisecond, 50 * time.Millisecond, "one"},
		{48, 0, 50 * time.Millisecond, 50 * time.Millisecond, "another"},
		{125_000, 0, 250 * time.Millisecond, 250 * time.Millisecond, "one"},
		{125_001, 0, 300 * time.Millisecond, 300 * time.Millisecond, "one"},
		{48, 22*time.Second - 100*time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond, "one"}, // the least that may be left
	} {
		h := longHonest(t, c.words)
		d := newDevice(t, h)
		d.cfg.Random = testStream(c.random)
		d.boot()
		d.play(h, "trained")
		e := d.event(h, "roster")
		h.now = h.now.Add(c.keys)
		out := d.step(h, e)
		if want := (Hold{h.now.Add(c.want), c.step, d.since.Add(22 * time.Second)}); out.After != want {
			t.Errorf("%d words, %v after the offer: held by %+v, want %+v", c.words, c.keys, out.After, want)
		}
		if c.words > testD {
			continue // long rounds take their time, and go on as short ones do
		}
		for _, s := range stages[5:] {
			if out := d.step(h, d.event(h, s)); out.After != (Hold{}) {
				t.Errorf("after %s something is held back", s)
			}
		}
		if d.closed == nil || !d.closed.Counted {
			t.Errorf("closed %+v, refused %v", d.closed, d.refused)
		}
	}
}

// TestOverByEitherClock: a door asks before it sends.
func TestOverByEitherClock(t *testing.T) {
	end := time.Unix(1_800_000_000, 0)
	for after, want := range map[time.Duration]bool{-1: false, 0: false, 1: true} {
		if got := (Hold{End: end}).Over(end.Add(after)); got != want {
			t.Errorf("%v after the end: over %v", after, got)
		}
	}
	if (Hold{}).Over(end) {
		t.Error("what nothing holds is over")
	}
}

// TestSharesAreHeldAgain asks again before their moment, at it, between two and at the last, on a new connection and in a new process:
// they leave at a moment that was one before.
func TestSharesAreHeldAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		d.play(h, "trained")
		e := d.event(h, "roster")
		h.now = h.now.Add(3*time.Second + 7)
		first := d.step(h, e).After
		for _, past := range []time.Duration{-1, 0, 1, 51 * time.Millisecond, 18*time.Second + 900*time.Millisecond} {
			h.now = first.At.Add(past)
			if restart {
				d.boot()
			}
			d.step(h, Event{Connected: true})
			out := d.step(h, Event{Msg: h.rosterMsg()})
			if out.After != first || len(out.Send) != 1 {
				t.Errorf("restart %v, %v past the first moment: held by %+v, want %+v", restart, past, out.After, first)
			}
		}
	}
}

// counted counts what is read of it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

// TestNothingIsDrawnForARosterThatComesTooLate: the device sits the round out in silence, hears how it ended, and is there for the next.
func TestNothingIsDrawnForARosterThatComesTooLate(t *testing.T) {
	for _, reload := range []bool{false, true} {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		random := &counted{Reader: d.cfg.Random}
		d.cfg.Random, d.reload = random, reload
		d.boot()
		d.play(h, "trained")
		drawn, held, sent := random.n, d.machine.st.session, len(d.sent)
		e := d.event(h, "roster")
		h.now = h.now.Add(22*time.Second - 100*time.Millisecond + 1)
		out := d.step(h, e)
		if random.n != drawn || len(out.Send) != 0 || d.refused != nil || out.After != (Hold{}) || d.missed == nil || !out.Erase {
			t.Errorf("drawn %d bytes, sent %v, refused %v, missed %v", random.n-drawn, out.Send, d.refused, d.missed)
		}
		d.checkForgotten(held)
		if d.step(h, Event{Msg: h.delivery()}); len(d.sent) != sent || len(d.entries) > 0 {
			t.Errorf("a delivery makes it say %v", d.types()[sent:])
		}
		if d.step(h, Event{Msg: h.abort()}); d.closed == nil {
			t.Error("how the round ended is not heard")
		}
		d.closed = nil
		if d.play(h, "close"); d.closed == nil || !d.closed.Counted {
			t.Errorf("the next round: closed %+v, refused %v", d.closed, d.refused)
		}
	}
}

// TestSharesThatNobodyHasEndTheRoundInSilence: what S may have sent behind the roster is not answered either, and nothing was charged.
func TestSharesThatNobodyHasEndTheRoundInSilence(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "roster")
	held, sent := d.machine.st.session, len(d.sent)
	d.step(h, Event{Late: true})
	d.checkForgotten(held)
	if d.missed == nil {
		t.Error("its owner is not told")
	}
	for _, m := range []protocol.Message{h.rosterMsg(), h.delivery(), h.delivery(), &protocol.InputState{SID: h.sid}} {
		if out := d.step(h, Event{Msg: m}); out.Refused != nil || out.HangUp != nil || len(d.sent) != sent || len(d.entries) > 0 {
			t.Errorf("a %v: %v sent, refused %v", m.Type(), d.types()[sent:], out.Refused)
		}
	}
	if d.step(h, Event{Msg: h.abort()}); d.closed == nil {
		t.Error("how the round ended is not heard")
	}
}

// TestLateSharesThatWentBeforeEndNothing: a coordinator that asks again at the last moment does not take the device out.
func TestLateSharesThatWentBeforeEndNothing(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "delivery")
	d.step(h, Event{Late: true})
	for _, s := range stages[6:] {
		d.step(h, d.event(h, s))
	}
	if d.missed != nil || d.closed == nil || !d.closed.Counted {
		t.Errorf("missed %v, closed %+v, refused %v", d.missed, d.closed, d.refused)
	}
}

// full is a disk that fails when noise is written to it.
type full struct{ Scratch }

func (f full) Write(name string, at int64, b []byte) error {
	if name == fileNoised {
		return errors.New("the disk is full")
	}
	return f.Scratch.Write(name, at, b)
}

// TestARefusalBehindADrawIsHeldToo: when it hangs up would tell the same.
func TestARefusalBehindADrawIsHeldToo(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.cfg.Scratch = full{d.scratch}
	d.boot()
	d.play(h, "trained")
	want := Hold{h.now.Add(50 * time.Millisecond), 50 * time.Millisecond, h.now.Add(22 * time.Second)}
	if out := d.step(h, d.event(h, "roster")); out.Refused == nil || out.After != want {
		t.Errorf("refused %v, held by %+v, want %+v", out.Refused, out.After, want)
	}
}

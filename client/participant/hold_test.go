package participant

import (
	"testing"
	"time"

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
		{48, 22*time.Second - 60*time.Millisecond, 30 * time.Millisecond, 50 * time.Millisecond, "one"}, // half of what is left
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

// TestSharesAreHeldOnANewConnectionToo asks again before their moment, and at it.
func TestSharesAreHeldOnANewConnectionToo(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "trained")
	first := d.step(h, d.event(h, "roster")).After
	for _, c := range []struct {
		early time.Duration
		want  Hold
	}{{1, first}, {0, Hold{}}} {
		h.now = first.At.Add(-c.early)
		d.step(h, Event{Connected: true})
		if out := d.step(h, Event{Msg: h.rosterMsg()}); out.After != c.want || len(out.Send) != 1 {
			t.Errorf("%v early: held by %+v, want %+v", c.early, out.After, c.want)
		}
	}
}

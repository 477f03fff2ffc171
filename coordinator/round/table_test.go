package round

import (
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
)

// reach brings a world to a phase in which one member, the last, still owes something.
func reach(t *testing.T, p Phase) *world {
	t.Helper()
	w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	switch p {
	case Recruit:
	case Done:
		w.advance(Settling, false)
		w.ok(w.devices[4].say(w.devices[4].reveal(true)))
		if _, err := w.settle(); err != nil {
			t.Fatal(err)
		}
	case Failed:
		w.step(Event{Kind: Unsettled, Why: Cancelled})
	case Keys, Shares, Inputs, Unmask, Settling:
		w.advance(p, false)
	}
	w.in(p)
	return w
}

// TestTransitions walks every phase with every kind of event and says where the round stands afterwards.
func TestTransitions(t *testing.T) {
	const r, k, s, i, u, e, d, f = Recruit, Keys, Shares, Inputs, Unmask, Settling, Done, Failed
	start := []Phase{r, k, s, i, u, e, d, f}
	for _, c := range []struct {
		name string
		do   func(w *world)
		want []Phase // for each start
	}{
		{"started again", func(w *world) { w.step(Event{Kind: Started}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"restarted", func(w *world) { w.step(Event{Kind: Restarted}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"stranger connects", func(w *world) { w.step(Event{Kind: Connected, From: [32]byte{1}}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"stranger leaves", func(w *world) { w.step(Event{Kind: Disconnected, From: [32]byte{1}}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"member leaves", func(w *world) { w.devices[0].disconnect() }, []Phase{r, k, s, i, u, e, d, f}},
		{"nothing said", func(w *world) { w.step(Event{Kind: Message, From: w.devices[0].id}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"stranger's vector", func(w *world) { w.step(Event{Kind: Uploaded, From: [32]byte{1}}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"unknown entry", func(w *world) { w.step(Event{Kind: Logged, Hash: [32]byte{1}, Index: 9}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"roster logged again", func(w *world) { w.step(Event{Kind: Logged, Hash: w.m.hashes.roster, Index: 9}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"survivors logged again", func(w *world) { w.step(Event{Kind: Logged, Hash: w.survivorsHash(), Index: 9}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"last entry logged again", func(w *world) { w.step(Event{Kind: Logged, Hash: audit.LeafHash(w.m.entries.final), Index: 9}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"tick", func(w *world) { w.step(Event{Kind: Ticked}) }, []Phase{r, k, s, i, u, e, d, f}},
		{"settled", func(w *world) { w.step(Event{Kind: Settled, Sums: make([][32]byte, 1), Model: [32]byte{1}}) }, []Phase{r, k, s, i, u, d, d, f}},
		{"unsettled", func(w *world) { w.step(Event{Kind: Unsettled, Why: SettleFailed}) }, []Phase{f, f, f, f, f, f, d, f}},
		{"unknown kind", func(w *world) { w.m.Step(w.now, Event{Kind: 99}) }, []Phase{r, k, s, i, u, e, d, f}},
		// At its deadline a phase ends; whether well or not depends on who is there. One of five may be missing.
		{"deadline of keys", func(w *world) { w.at(10) }, []Phase{f, s, s, i, u, e, d, f}},
		{"deadline of shares", func(w *world) { w.at(20) }, []Phase{f, f, f, i, u, e, d, f}},
		{"deadline of inputs", func(w *world) { w.at(30) }, []Phase{f, f, f, f, u, e, d, f}},
		{"deadline of unmask", func(w *world) { w.at(40) }, []Phase{f, f, f, f, f, e, d, f}},
		{"deadline of settle", func(w *world) { w.at(50) }, []Phase{f, f, f, f, f, f, d, f}},
	} {
		for at, from := range start {
			w := reach(t, from)
			c.do(w)
			// One tick ends one phase: a coordinator that was away for long ends them one after the other.
			for range 5 {
				if strings.HasPrefix(c.name, "deadline") {
					w.step(Event{Kind: Ticked})
				}
			}
			if got := w.m.Phase(); got != c.want[at] {
				t.Errorf("%s in phase %v: now %v, want %v", c.name, from, got, c.want[at])
			}
		}
	}
}

// TestNextIsTheMomentThatMatters: the deadline of each phase, and nothing once the round is over.
func TestNextIsTheMomentThatMatters(t *testing.T) {
	for p, want := range map[Phase]int64{Recruit: 10, Keys: 10, Shares: 20, Inputs: 30, Unmask: 40, Settling: 50, Done: 0, Failed: 0} {
		next := reach(t, p).m.Next()
		if want == 0 && !next.IsZero() || want > 0 && !next.Equal(time.Unix(openedAt+want, 0)) {
			t.Errorf("phase %v: %v", p, next)
		}
	}
}

// TestWorkIsPendingExactlyWhileSettling: after a crash the driver asks, and gets the same plan.
func TestWorkIsPendingExactlyWhileSettling(t *testing.T) {
	for p := Recruit; p <= Failed; p++ {
		w := reach(t, p)
		got := w.m.Pending()
		if (got != nil) != (p == Settling) {
			t.Errorf("phase %v: pending %v", p, got)
		}
		if got != nil && planText(got) != planText(w.plan) {
			t.Error("the pending plan is another one")
		}
	}
}

// TestCountsFollowTheRound shows what an operator sees.
func TestCountsFollowTheRound(t *testing.T) {
	for p, want := range map[Phase][4]int{Recruit: {}, Keys: {3}, Shares: {5, 3}, Inputs: {5, 5, 3}, Unmask: {5, 5, 5, 3}, Done: {5, 5, 5, 5}} {
		var got [4]int
		got[0], got[1], got[2], got[3] = reach(t, p).m.Counts()
		if got != want {
			t.Errorf("phase %v: %v, want %v", p, got, want)
		}
	}
}

func TestOffersGoToWhoeverConnectsBeforeTheRosterIsFixed(t *testing.T) {
	for p := Recruit; p <= Failed; p++ {
		w := reach(t, p)
		out := newDevice(w, "late comer").connect()
		if offered := len(out.Send) == 1; offered != (p <= Keys) {
			t.Errorf("phase %v: %+v", p, out.Send)
		} else if offered && (len(out.Send[0].Prove) != 4 || out.Send[0].Prove[3] != w.cfg.Index) {
			t.Errorf("phase %v: the offer proves %v", p, out.Send[0].Prove)
		}
	}
}

func TestEnumsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for p := Recruit; p <= Failed; p++ {
		seen[p.String()] = true
	}
	for s := Advertised; s <= Dropped; s++ {
		seen[s.String()] = true
	}
	for r := NoReason; r <= NotCosigned; r++ {
		seen[r.String()] = true
	}
	for name := range seen {
		if name == "" || strings.Contains(name, "unknown") {
			t.Errorf("a value is called %q", name)
		}
	}
	if want := 8 + 8 + 16; len(seen) != want {
		t.Errorf("%d names, want %d", len(seen), want)
	}
	if Phase(99).String() != "unknown phase" || Standing(99).String() != "unknown standing" || Reason(99).String() != "unknown reason" {
		t.Error("values that do not exist have names")
	}
}

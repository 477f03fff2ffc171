package round

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// TestInvariantsStopAMutant breaks the machine from inside, as a bug would, and wants the assertion that names the invariant.
func TestInvariantsStopAMutant(t *testing.T) {
	settle := func(w *world) { w.step(Event{Kind: Settled, Sums: make([][32]byte, 1)}) }
	for name, c := range map[string]struct {
		phase  Phase
		mutate func(w *world)
		do     func(w *world)
		want   string
	}{
		"too few are summed":        {Settling, func(w *world) { w.m.cfg.Open.NMin = 6 }, settle, "invariant 1"},
		"the set is not in the log": {Settling, func(w *world) { w.m.cohorts[0].index = 0 }, settle, "invariant 1"},
		"one more is included":      {Settling, func(w *world) { w.m.cohorts[0].bitmap[0] &^= 1 }, settle, "invariant 2"},
		"one fewer is included":     {Settling, func(w *world) { w.m.roster[2].standing = Dropped }, settle, "invariant 2"},
		"a second set":              {Unmask, func(*world) {}, func(w *world) { w.m.seal(new(Output)) }, "invariant 2"},
		"asked before it is logged": {Unmask, func(w *world) { w.m.cohorts[0].index = 0 }, func(w *world) { w.devices[4].connect() }, "invariant 2"},
		"a pair share of a survivor": {Settling, func(w *world) {
			r := w.m.roster[0].reveal
			r.PairShares = r.SelfShares[:1]
		}, settle, "invariant 3"},
		"a self share of a lost member": {Settling, func(w *world) {
			w.m.roster[1].standing = Dropped
			w.m.cohorts[0].bitmap[0] &^= 2
		}, settle, "invariant 3"},
		"a vector counts twice": {Settling, func(w *world) { w.m.cohorts[0].inputs.Append([]byte("again")) }, settle, "invariant 4"},
		"a phase runs on":       {Shares, func(w *world) { w.m.now = w.m.deadline() }, func(w *world) { w.m.assertEnds(Shares) }, "invariant 5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := reach(t, c.phase)
			c.mutate(w)
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
					t.Errorf("%s, want %s", got, c.want)
				}
			}()
			c.do(w)
		})
	}
}

// TestNobodyIsAskedForBothKindsOfShare looks at what every device was sent, over losses in each phase: one set of survivors,
// in the log before the first question.
func TestNobodyIsAskedForBothKindsOfShare(t *testing.T) {
	w := newWorld(t, settings{n: 10, delta: 3000}).advertiseAll()
	for _, d := range w.devices[1:] {
		w.ok(d.say(d.shares()))
	}
	w.at(20)
	for _, d := range w.devices[2:] {
		w.ok(d.say(d.input()))
		d.upload()
	}
	w.at(30)
	w.in(Unmask)
	for range 3 { // whoever comes back is asked the same
		for _, d := range w.devices {
			d.disconnect()
			d.connect()
		}
	}
	w.step(Event{Kind: Restarted})
	for _, d := range w.devices {
		d.connect()
	}
	bitmaps := map[string]int{}
	for _, d := range w.devices {
		for _, m := range w.inbox[d.id] {
			if s, ok := m.(*protocol.Survivors); ok {
				bitmaps[string(s.Bitmap)]++
				if !bit(s.Bitmap, int(w.m.members[d.id].index)) {
					t.Errorf("device %d is asked and is no survivor", w.m.members[d.id].index)
				}
			}
		}
	}
	if len(bitmaps) != 1 {
		t.Fatalf("%d sets of survivors were sent", len(bitmaps))
	}
	w.replays()
}

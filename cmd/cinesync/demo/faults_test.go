package demo

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// lastMessages are what a device sends in each of the later phases.
func lastMessages() map[stage]protocol.Message {
	return map[stage]protocol.Message{beforeShares: &protocol.Shares{}, beforeInput: &protocol.Input{}, midUpload: &protocol.Chunk{}, beforeReveal: &protocol.Reveal{}}
}

func TestDeviceVanishesOnlyWhereItIsPlanned(t *testing.T) {
	for planned := stays; planned <= beforeReveal; planned++ {
		f := newFaults(1, 1, 0)
		f.plan[0] = planned
		for at, m := range lastMessages() {
			if _, gone := f.vanishes(0, m); gone != (at == planned) {
				t.Errorf("planned in stage %d: vanishes in stage %d is %v", planned, at, gone)
			}
		}
		if _, gone := f.vanishes(0, &protocol.Advertise{}); gone {
			t.Errorf("planned in stage %d: vanishes before it is on a roster", planned)
		}
	}
}

func TestVanishedAreCountedByThePhaseThatMissedThem(t *testing.T) {
	f := newFaults(1, 6, 0)
	f.begin(1)
	copy(f.plan, []stage{beforeShares, beforeInput, midUpload, beforeReveal, beforeReveal, stays})
	for device := range f.plan {
		for _, m := range lastMessages() {
			f.vanishes(device, m)
		}
	}
	want := map[string]int{"shares": 1, "inputs": 2, "unmask": 2}
	if got := f.vanished(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	f.begin(1) // again, after a crash
	if got := f.vanished(); !maps.Equal(got, want) {
		t.Errorf("after the same round began again: %v, want %v", got, want)
	}
	f.begin(2)
	if got := f.vanished(); len(got) != 0 {
		t.Errorf("in the next round: %v", got)
	}
}

func TestVanishedStayAwayUntilTheRoundIsOver(t *testing.T) {
	for name, over := range map[string]func(*faults){
		"the round ends":        func(f *faults) { f.end() },
		"the next round begins": func(f *faults) { f.begin(2) }, // its end was never heard
	} {
		f := newFaults(1, 1, 0)
		f.begin(1)
		f.plan[0] = beforeInput
		until, gone := f.vanishes(0, &protocol.Input{})
		if !gone {
			t.Fatal("it does not vanish")
		}
		dialled := 0
		d := &flaky{faults: f, room: make(room, 1), away: until, dial: func(context.Context) (protocol.Conn, error) {
			dialled++
			return nil, errors.New("nobody is there")
		}}
		away, stop := context.WithCancel(t.Context())
		stop()
		if _, err := d.Dial(away); !errors.Is(err, context.Canceled) || dialled != 0 {
			t.Errorf("%s: while it is away: %v, dialled %d times", name, err, dialled)
		}
		over(f)
		if _, err := d.Dial(t.Context()); err == nil || dialled != 1 {
			t.Errorf("%s: back again: %v, dialled %d times", name, err, dialled)
		}
	}
}

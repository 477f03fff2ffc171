package hostile

import (
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// wait is what the devices here have for their noise (privacy 4.5), and phase Shares ends for them so long after they accepted.
const (
	wait      = 50 * time.Millisecond
	sharesEnd = 22 * time.Second
)

func attacksOnMoments() []Attack {
	return []Attack{
		{ID: "A18", What: "timing: how long a device drew its noise", Rule: "moments that S cannot move (privacy 4.5)", Cases: []Case{
			{Name: "the roster when so much is left of phase Shares", Play: func(x *Try) {
				for _, left := range []time.Duration{1, wait / 2, wait, wait + wait/2, 2*wait - 1, 2 * wait, 3*wait - 1, sharesEnd} {
					heldWith(x, left)
				}
			}},
			{Name: "the roster again, whenever S likes", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(5))
				v := s.shared()
				first, came := s.Devices[0].Held, s.now
				for _, at := range []time.Duration{1, wait - 1, wait, wait + 1, 7*wait + wait/3, sharesEnd - 1} {
					for _, restart := range []bool{false, true} {
						s.now = came.Add(at)
						d := s.Devices[0]
						if restart {
							d.Restart()
						}
						v.Keys(d, nil)
						if d.Held != first {
							x.Errorf("%v after the roster, restart %v: held by %+v, at first by %+v", at, restart, d.Held, first)
						}
					}
				}
				x.Accepts(s.Devices...)
			}},
			{Name: "a delivery for shares that came too late", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(5))
				v := s.shared()
				d := s.Devices[0]
				d.step(participant.Event{Late: true})
				silent(x, d, func() {
					v.Keys(d, nil)
					v.Deliver(d, nil, nil)
				})
			}},
		}},
	}
}

// heldWith shows a roster with so much left of phase Shares: nobody draws with less than two waits, and the first moment of the others
// does not follow from what is left.
func heldWith(x *Try, left time.Duration) {
	x.Helper()
	s := NewCoordinator(x, x.Scene(5))
	r := s.offered()
	v := r.Freeze(s.Log, r.Everyone(), nil)
	s.now = s.now.Add(sharesEnd - left)
	for _, d := range s.Devices {
		if left < 2*wait {
			silent(x, d, func() { v.Keys(d, nil) })
			continue
		}
		v.Keys(d, nil)
		if want := (participant.Hold{At: s.now.Add(wait), Step: wait, End: s.now.Add(left)}); d.Held != want || len(said[*protocol.Shares](d)) != 1 {
			x.Errorf("%v left: %s is held by %+v, want %+v", left, d.Name, d.Held, want)
		}
	}
	x.Accepts(s.Devices...)
}

// silent wants a device to sit a round out: it says nothing to what S does, accuses nobody, is charged nothing and tells its owner.
func silent(x *Try, d *Device, do func()) {
	x.Helper()
	before := len(d.Said)
	do()
	if len(d.Said) != before || d.Refused != nil || len(d.entries) > 0 || d.Missed == nil {
		x.Errorf("%s says %v, refuses %v, is charged %d times, missed %v", d.Name, d.Said[before:], d.Refused, len(d.entries), d.Missed)
	}
}

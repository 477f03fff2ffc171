package sim

import (
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// chance draws only where there is one, so that a fault that is off changes no trace.
func (w *world) chance(percent int) bool { return percent > 0 && w.rng.IntN(100) < percent }

// delay is a message's way through the network.
func (w *world) delay() time.Duration {
	return time.Duration(1+w.rng.IntN(50+int(w.cfg.Slow/time.Millisecond))) * time.Millisecond
}

// overtaken is how much longer a message takes that others overtake.
const overtaken = 150 * time.Millisecond

// A connection delivers in order and once. Log proofs towards the device rest on that: each goes on where the last one ended,
// and a device refuses an older tree. So the hostile network touches what the coordinator hears, where nobody may be trusted,
// and repeats to devices only what proves nothing.

// faults are what a hostile network does to one message.
type faults struct{ duplicate, reorder bool }

func (d *device) draw(up, proves bool) faults {
	return faults{duplicate: !proves && d.w.chance(d.w.cfg.Duplicate), reorder: up && d.w.chance(d.w.cfg.Reorder)}
}

// carry plans the arrival of a message in one direction of the connection, whose last arrival is last. What belongs to an
// earlier connection never arrives. A message to the device, nil in the other direction, lies in its inbox until then.
func (d *device) carry(last *time.Time, f faults, msg protocol.Message, arrive func(*letter) error) {
	copies := 1
	if f.duplicate {
		copies = 2
	}
	for range copies {
		at := d.w.now.Add(d.w.delay())
		if f.reorder {
			at = at.Add(overtaken)
		} else {
			if at.Before(*last) {
				at = *last
			}
			*last = at
		}
		l := &letter{msg: msg, at: at, life: d.life}
		if msg != nil {
			d.inbox = append(d.inbox, l)
		}
		d.w.after(at.Sub(d.w.now), func() error {
			if msg != nil {
				d.w.ahead(d)
				d.inbox = d.inbox[1:]
			}
			if l.life != d.life {
				return nil
			}
			if d.w.chance(d.w.cfg.Cut) {
				return d.drop()
			}
			return arrive(l)
		})
	}
}

// receive plans the arrival of what the coordinator sends.
func (d *device) receive(m protocol.Message) {
	if !d.up {
		return
	}
	d.moved.down += size(m)
	d.carry(&d.lastDown, d.draw(false, proves(m)), m, func(l *letter) error {
		if _, ok := m.(*protocol.HangUp); ok {
			return d.drop()
		}
		if l.did != nil {
			return d.obey(participant.Event{Msg: m}, l.did)
		}
		return d.step(participant.Event{Msg: m})
	})
}

// send plans the arrival at the coordinator of what really leaves.
func (d *device) send(m protocol.Message) {
	for _, m := range d.lie(m) {
		d.leave(m)
	}
}

func (d *device) leave(m protocol.Message) {
	if !d.up {
		return
	}
	d.moved.up += size(m)
	d.carry(&d.lastUp, d.draw(true, false), nil, func(*letter) error {
		if d.w.coord.machine == nil {
			return nil
		}
		return d.arrive(m)
	})
}

// proves reports whether a message carries log evidence.
func proves(m protocol.Message) bool {
	switch m.(type) {
	case *protocol.Welcome, *protocol.Offer, *protocol.Roster, *protocol.Survivors, *protocol.Close:
		return true
	}
	return false
}

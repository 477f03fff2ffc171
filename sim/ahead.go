package sim

import (
	"slices"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/protocol"
)

// Devices work beside each other where nobody can tell. What a device does with a message depends on its machine, the message and the
// moment of its arrival, all of which are known when the message leaves: connections deliver in order, so that nothing reaches the device
// before what is on its way already. So the machines of many devices take their next steps at once, on all cores, and each result lies
// until its moment. Where connections may break on the way, nothing is done ahead.

// letter is a message on its way to a device.
type letter struct {
	msg  protocol.Message
	at   time.Time
	life int // of the connection that carries it
	did  *thought
}

// thought is what a device's machine answered, and what it drew for that.
type thought struct {
	out   participant.Output
	reads [][]byte
}

// batch is how many devices a core goes ahead with at most: nobody is told, and nobody can stop it, meanwhile.
const batch = 16

// foresees reports whether what is on its way to devices arrives.
func (cfg Config) foresees() bool { return cfg.Cut == 0 && cfg.Liars == 0 && len(cfg.Crash) == 0 }

// think steps the device's machine, and nothing else.
func (d *device) think(now time.Time, e participant.Event) *thought {
	d.random.reads = nil
	out := d.machine.Step(now, e)
	return &thought{out, d.random.reads}
}

// next is the letter that the device's machine will see next, whatever else happens; nil where that is not sure, or is known.
func (d *device) next() *letter {
	if len(d.inbox) == 0 || d.busy > 0 || !d.up {
		return nil
	}
	l := d.inbox[0]
	if _, hangs := l.msg.(*protocol.HangUp); hangs || l.life != d.life || l.did != nil {
		return nil
	}
	return l
}

// ahead takes the next steps of the device and of those after it.
func (w *world) ahead(first *device) {
	if !w.cfg.foresees() || first.next() == nil {
		return
	}
	var who []*device
	for _, d := range slices.Concat(w.devices[first.i:], w.devices[:first.i]) {
		if d.next() != nil {
			if who = append(who, d); len(who) == batch*par.Width() {
				break
			}
		}
	}
	par.Do(len(who), func(i int) {
		l := who[i].inbox[0]
		l.did = who[i].think(l.at, participant.Event{Msg: l.msg})
	})
}

package sim

import (
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Moment is where a run stands after something happened.
type Moment struct {
	Round  int // that is running, from 1
	Phase  round.Phase
	Events int           // of the whole run so far
	At     time.Duration // simulated, since the run began
}

// Figures are what a round cost and what went wrong in it.
type Figures struct {
	K, T     int              // neighbours of a member, and how many shares rebuild a secret; 0 where no roster was made
	Phases   [5]time.Duration // simulated: keys (with recruiting), shares, inputs, unmask, settle
	Lost     map[Step]int     // devices that vanished, by where
	Restarts int              // of devices
	Crashes  int              // of the coordinator
	Drops    []audit.Drop     // members that the log says were left out, by round.Reason; none of a round that was given up
	Up, Down Traffic          // of the devices, members or not
	// SelfMasks and PairMasks are how many vectors of mask the coordinator made to settle: one for each vector of the sum, and one for each
	// neighbour that a lost member left behind. 0 where it did not come to that.
	SelfMasks, PairMasks int
	Spent                privacy.Units // the most that any device's ledger holds, over all rounds so far
}

// Traffic is bytes of frames in one direction, headers included, from a round's opening to its end: what QUIC or TCP and TLS add is not
// in it, nor the download of a model, which devices of a simulation are given.
type Traffic struct{ Total, Most int64 } // of all devices, and of the one that has most

// tally is what a device moved in the running round.
type tally struct{ up, down int64 }

// size is a message's length as a frame.
func size(m protocol.Message) int64 { return protocol.HeaderSize + int64(len(m.Append(nil))) }

func (t *Traffic) add(n int64) { t.Total, t.Most = t.Total+n, max(t.Most, n) }

// moment tells whoever watches, and gives what they have to say.
func (w *world) moment(events int) error {
	if w.cfg.Progress == nil {
		return nil
	}
	return w.cfg.Progress(Moment{Round: int(w.coord.number), Phase: w.coord.phase, Events: events, At: w.now.Sub(w.start)})
}

// finished adds up what the devices know of the round that ended, and begins anew.
func (w *world) finished(r *round.Result) Figures {
	f := w.figures
	for i, ms := range r.Millis {
		f.Phases[i] = time.Duration(ms) * time.Millisecond
	}
	for _, d := range w.devices {
		f.Up.add(d.moved.up)
		f.Down.add(d.moved.down)
		f.Spent = max(f.Spent, d.ledger.Spent())
		d.moved = tally{}
	}
	w.figures = Figures{}
	return f
}

// lostAt notes a device that vanishes.
func (f *Figures) lostAt(s Step) {
	if f.Lost == nil {
		f.Lost = map[Step]int{}
	}
	f.Lost[s]++
}

// planned notes the masks of a settling; a coordinator that crashed plans them again.
func (f *Figures) planned(p *round.Plan) {
	f.SelfMasks, f.PairMasks = 0, 0
	for _, c := range p.Cohorts {
		f.SelfMasks += len(c.Survivors)
		for _, l := range c.Lost {
			f.PairMasks += len(l.Partners)
		}
	}
}

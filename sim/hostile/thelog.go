package hostile

import (
	"bytes"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

func attacksOnTheLog() []Attack {
	return []Attack{{ID: "A02", What: "two rosters or survivor sets, a stale or forked log", Rule: "witnesses, first wins (8.3), F01, F02, F13, F14", Cases: append(splitCases(), []Case{
		{Name: "a second roster for one device", Play: secondRoster},
		{Name: "a rival roster earlier in the log", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			r := s.offered()
			r.Freeze(s.Log, r.Everyone()[1:], nil)
			v := r.Freeze(s.Log, r.Everyone(), nil)
			v.Keys(s.Devices[0], nil)
			x.Refuses(participant.F02RivalEntry, s.Devices[0])
			x.Unmasks(v)
		}},
		{Name: "a rival roster, hidden", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			r := s.offered()
			r.Freeze(s.Log, r.Everyone()[1:], nil)
			v := r.Freeze(s.Log, r.Everyone(), nil)
			v.Keys(s.Devices[0], func(m *protocol.Roster) { m.Evidence.Entries = m.Evidence.Entries[1:] })
			x.Refuses(participant.F01BadProof, s.Devices[0])
		}},
		{Name: "rival survivors earlier in the log", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			v := s.uploaded()
			v.Seals(but(1), nil)
			set := v.Seals(everyone, nil)
			for _, d := range s.Devices {
				v.Ask(d, set, nil)
			}
			x.Refuses(participant.F02RivalEntry, s.Devices...)
			x.Unmasks(v)
		}},
		{Name: "the log shown is shorter than before", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			old := s.Log.fork()
			v := s.uploaded()
			d := s.Devices[0]
			d.seen = 0
			d.Hear(&protocol.Welcome{Evidence: s.prove(d, old)})
			x.Refuses(participant.F01BadProof, d)
			x.Unmasks(v)
		}},
		{Name: "another history of the same length", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			fork := s.Log.fork()
			v := s.uploaded()
			for fork.tree.Size() <= v.Log.tree.Size() {
				s.seal(fork, &audit.BudgetExhausted{})
			}
			d := s.Devices[0]
			d.Hear(&protocol.Welcome{Evidence: s.prove(d, fork)})
			x.Refuses(participant.F01BadProof, d)
		}},
		{Name: "one device on a fork, asked for its shares of a set the others do not see", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(10))
			v := s.uploaded()
			fork := *v
			fork.Log = v.Log.fork()
			all, without := v.Seals(everyone, nil), fork.Seals(but(0), nil)
			v.Ask(s.Devices[1], all, nil)
			fork.Ask(s.Devices[1], without, nil)
			x.Refuses(participant.F01BadProof, s.Devices[1])
		}},
		{Name: "survivors of a session that is not the device's", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			v := s.uploaded()
			set := v.Seals(everyone, func(r *audit.Survivors, _ []byte) { r.SID[0] ^= 1 })
			v.Ask(s.Devices[0], set, nil)
			x.Refuses(participant.F13SurvivorsLie, s.Devices[0])
			x.Unmasks(v)
		}},
	}...)}, {ID: "A16", What: "crash and re-ask", Rule: "answer once (11.2, 11.4), F14", Cases: []Case{
		{Name: "the same question after every step gets the same bytes", Play: sameBytes},
		{Name: "another roster after the shares", Play: secondRoster},
		{Name: "another delivery after the vector", Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			v := s.uploaded()
			d := s.Devices[0]
			d.Restart()
			v.Deliver(d, func(from, _ int) bool { return from == 3 }, nil)
			x.Refuses(participant.F14AskedTwice, d)
			oneVector(x, d)
		}},
		{Name: "another set after the shares, the coordinator restarted", Play: func(x *Try) { secondSet(x, func(*Device) {}) }},
		{Name: "another set after the shares, the device restarted", Play: func(x *Try) { secondSet(x, (*Device).Restart) }},
	}}}
}

func secondRoster(x *Try) {
	s := NewCoordinator(x, x.Scene(8))
	r := s.offered()
	v := r.Freeze(s.Log, r.Everyone(), nil)
	v.Keys(s.Devices[0], nil)
	w := r.Freeze(s.Log, r.Everyone()[:7], nil)
	w.Keys(s.Devices[0], nil)
	x.Refuses(participant.F14AskedTwice, s.Devices[0])
	if n := len(said[*protocol.Shares](s.Devices[0])); n != 1 {
		x.Errorf("shares were sealed %d times", n)
	}
}

// splitSurvivors forks the log at the survivors: device 0 is told that all survive, and gives its own b; the others are told that
// it was lost, and give its m. Together that is its vector alone.
func splitSurvivors(s *Coordinator) *View {
	v := s.uploaded()
	fork := *v
	fork.Log = v.Log.fork()
	all, without := v.Seals(everyone, nil), fork.Seals(but(0), nil)
	v.Ask(s.Devices[0], all, nil)
	for _, d := range s.Devices[1:] {
		fork.Ask(d, without, nil)
	}
	return v
}

// secondSet asks for another set than was answered.
func secondSet(x *Try, before func(*Device)) {
	s := NewCoordinator(x, x.Scene(10))
	v, _ := s.answered(everyone)
	fork := *v
	set := fork.Seals(but(0), nil)
	for _, d := range s.Devices[1:] {
		before(d)
		v.Ask(d, set, nil)
	}
	x.Refuses(participant.F14AskedTwice, s.Devices[1:]...)
	x.Unmasks(v, upTo(10))
}

// oneVector wants every byte of a device's uploads to be of one vector.
func oneVector(x *Try, d *Device) {
	x.Helper()
	var first *protocol.Input
	for _, h := range said[*protocol.Input](d) {
		if first == nil {
			first = h
		}
		if !bytes.Equal(h.Append(nil), first.Append(nil)) {
			x.Errorf("%s announced two vectors", d.Name)
		}
	}
	at := map[uint64][]byte{}
	for _, c := range said[*protocol.Chunk](d) {
		if old, again := at[c.Offset]; again && !bytes.Equal(old, c.Data) {
			x.Errorf("%s sent two pieces for one place", d.Name)
		}
		at[c.Offset] = c.Data
	}
}

// sameBytes repeats every message, with and without a restart of the device, and compares what comes.
func sameBytes(x *Try) {
	s := NewCoordinator(x, x.Scene(8))
	d := s.Devices[0]
	again := func(ask func()) {
		x.Helper()
		spoken := map[string]bool{}
		for _, m := range d.Said {
			spoken[string(m.Append(nil))] = true
		}
		for _, before := range []func(){func() {}, d.Reconnect, d.Restart} {
			before()
			from := len(d.Said)
			ask()
			x.Accepts(d)
			if len(d.Said) == from {
				x.Error("asked again, the device says nothing")
			}
			for _, m := range d.Said[from:] {
				if !spoken[string(m.Append(nil))] {
					x.Errorf("asked again, the device says another %v", m.Type())
				}
			}
		}
	}
	r := s.offered()
	again(func() { r.Offer(s.Log, d, nil) })
	v := r.Freeze(s.Log, r.Everyone(), nil)
	for _, d := range s.Devices {
		v.Keys(d, nil)
	}
	again(func() { v.Keys(d, nil) })
	for _, d := range s.Devices {
		v.Deliver(d, nil, nil)
	}
	again(func() { v.Deliver(d, nil, nil) })
	oneVector(x, d)
	set := v.Seals(everyone, nil)
	v.askAll(set)
	again(func() { v.Ask(d, set, nil) })
	x.Unmasks(v, upTo(8))
}

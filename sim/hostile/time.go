package hostile

import (
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

func attacksOverTime() []Attack {
	return []Attack{
		{ID: "A11", What: "differencing over rounds", Rule: "ledger, participations, separation; F10", Cases: []Case{
			{Name: "with and without one device until the ledger stops it", Play: func(x *Try) {
				sc := x.Scene(10)
				sc.Rounds = 3
				s := NewCoordinator(x, sc)
				for round := range 3 {
					v, set := s.answered(but(round))
					v.Closes(set)
					x.Unmasks(v, v.where(but(round)))
				}
				r := s.Opens(s.Log, nil)
				for _, d := range s.Devices {
					before := len(d.Said)
					r.Offer(s.Log, d, nil)
					x.Refuses(participant.F10Budget, d)
					if len(d.Said) != before || len(d.entries) != 3 {
						x.Errorf("%s said %d things, and was charged %d times", d.Name, len(d.Said)-before, len(d.entries))
					}
				}
			}},
			{Name: "the ceiling of the budget", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				d := s.Devices[0]
				r0 := s.Opens(s.Log, nil)
				d.cfg.Floor.Ceiling = 1
				d.boot()
				r0.Offer(s.Log, d, nil)
				x.Refuses(participant.F10Budget, d)
			}},
		}},
		{ID: "A12", What: "reused or predictable masks", Rule: "fresh m, b, e; the session id in every key", Cases: []Case{
			{Name: "a hundred rounds", Modes: inW, Play: hundredRounds},
			{Name: "crash after the vector, and the same question again", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				v := s.shared()
				d := s.Devices[0]
				v.Deliver(d, nil, nil)
				for range 3 {
					d.Restart()
					v.Deliver(d, nil, nil)
				}
				oneVector(x, d)
				x.Accepts(d)
			}},
			{Name: "a round that was aborted leaves nothing to the next", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				s.uploaded()
				v := s.uploaded() // S goes on without an end
				set := v.Seals(everyone, nil)
				v.askAll(set)
				x.Accepts(s.Devices...)
				x.Unmasks(v, upTo(8))
				x.Unmasks(s.roundsDone[0].Views[0])
				distinctVectors(x, s)
			}},
		}},
		{ID: "A13", What: "replay of old messages", Rule: "session id, open_hash, F11", Cases: []Case{
			{Name: "each message of a round in the next", Modes: inW, Play: replayAll},
			{Name: "a neighbour's keys of the round before", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				v, set := s.answered(everyone)
				v.Closes(set)
				r := s.offered()
				members := r.Everyone()
				members[3].Bundle = v.Members[3].Bundle
				w := r.Freeze(s.Log, members, nil)
				w.Keys(s.Devices[0], nil)
				x.Refuses(participant.F07BadKey, s.Devices[0])
			}},
			{Name: "boxes of the round before", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				old, set := s.answered(everyone)
				old.Closes(set)
				v := s.shared()
				d := s.Devices[0]
				v.Deliver(d, nil, func(m *protocol.Delivery) {
					for at, i := range v.Ring.Neighbours(0) {
						m.Sealed[at], _ = old.sealed(i, 0)
					}
				})
				x.Refuses(participant.F09TooFew, d)
				x.Unmasks(v)
			}},
			{Name: "an earlier round's number", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				v, set := s.answered(everyone)
				v.Closes(set)
				s.round--
				r := s.Opens(s.Log, nil)
				r.Offer(s.Log, s.Devices[0], nil)
				x.Refuses(participant.F11Stale, s.Devices[0])
			}},
		}},
	}
}

// hundredRounds plays and compares everything that must never come twice.
func hundredRounds(x *Try) {
	sc := x.Scene(4)
	sc.Rounds = 100
	s := NewCoordinator(x, sc)
	for range 100 {
		v, set := s.answered(everyone)
		v.Closes(set)
		x.Accepts(s.Devices...)
	}
	distinctVectors(x, s)
	seen := map[string]string{}
	for _, d := range s.Devices {
		for n, a := range said[*protocol.Advertise](d) {
			for name, k := range map[string][32]byte{"mask key": a.Key.SPK, "sharing key": a.Key.EPK, "commitment": a.Key.BC} {
				once(x, seen, string(k[:]), fmt.Sprintf("%s of %s in round %d", name, d.Name, n))
			}
		}
		for n, m := range said[*protocol.Shares](d) {
			for i, box := range m.Sealed {
				once(x, seen, string(box[:]), fmt.Sprintf("box %d of %s in round %d", i, d.Name, n))
			}
		}
		for n, r := range said[*protocol.Reveal](d) {
			once(x, seen, string(r.OwnB[:]), fmt.Sprintf("b of %s in round %d", d.Name, n))
		}
	}
}

func once(x *Try, seen map[string]string, value, name string) {
	if old, again := seen[value]; again {
		x.Errorf("%s is that of %s", name, old)
	}
	seen[value] = name
}

// distinctVectors wants every vector that ever left, and every difference of two of one device's, to look uniform. The same
// masks under two of them would leave the difference of two small vectors.
func distinctVectors(x *Try, s *Coordinator) {
	x.Helper()
	for _, d := range s.Devices {
		var before []uint32
		for _, r := range s.roundsDone {
			for _, v := range r.Views {
				y := d.uploaded(v.SID)
				if y == nil {
					continue
				}
				words := make([]uint32, s.Scene.D)
				if err := aggregation.DecodeWords(words, y, 32); err != nil {
					x.Fatal(err)
				}
				if err := uniform(words); err != nil {
					x.Errorf("%s, round %d: %v", d.Name, r.Open.Round, err)
				}
				if before != nil {
					diff := append([]uint32(nil), words...)
					aggregation.Sub(diff, before)
					if err := uniform(diff); err != nil {
						x.Errorf("%s, round %d less the one before: %v", d.Name, r.Open.Round, err)
					}
				}
				before = words
			}
		}
	}
}

// replayAll lets a device hear, at each step of its second round, every message that it heard in its first.
func replayAll(x *Try) {
	s := NewCoordinator(x, x.Scene(5))
	d := s.Devices[0]
	v, set := s.answered(everyone)
	v.Closes(set)
	old := d.heard
	if len(old) < 6 {
		x.Fatalf("only %d messages were heard", len(old))
	}
	// Where the bytes themselves are stale (an older tree), the device refuses and is out of the round; so each is tried alone.
	for step := range 5 {
		for _, m := range old {
			s := NewCoordinator(x, x.Scene(5))
			v, set := s.answered(everyone)
			v.Closes(set)
			d := s.Devices[0]
			r := s.offered()
			var w *View
			if step > 0 {
				w = r.Freeze(s.Log, r.Everyone(), nil)
				for _, d := range s.Devices {
					w.Keys(d, nil)
				}
			}
			if step > 1 {
				for _, d := range s.Devices {
					w.Deliver(d, nil, nil)
				}
			}
			if step > 2 {
				w.Receipt(d)
			}
			if step > 3 {
				w.askAll(w.Seals(everyone, nil))
			}
			before := len(d.Said)
			d.Hear(m)
			for _, say := range d.Said[before:] {
				x.Errorf("step %d: an old %v makes the device say a %v", step, m.Type(), say.Type())
			}
			if d.Refused != nil {
				x.Refusals[d.Refused.Why]++
			}
		}
	}
}

package hostile

import (
	"crypto/sha256"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

var (
	inSM = []aggregation.Mode{aggregation.ModeSM}
	inW  = []aggregation.Mode{aggregation.ModeW} // also for long tries in which modes do not differ
)

// splitCases are what modes SM and W have against two sets of survivors, and what S may try against that.
func splitCases() []Case {
	// confirming asks everybody about one set, and hands device 0 altered confirmations.
	confirming := func(why participant.Refusal, change func(s *Coordinator, v *View, m *protocol.Confirmed)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, x.Scene(10))
			v := s.uploaded()
			set := v.Seals(everyone, nil)
			for _, d := range s.Devices {
				v.Ask(d, set, nil)
			}
			v.Confirms(s.Devices[0], set.digest(), func(m *protocol.Confirmed) { change(s, v, m) })
			x.Refuses(why, s.Devices[0])
			if len(said[*protocol.Reveal](s.Devices[0])) > 0 {
				x.Error("the device gave shares")
			}
			x.Unmasks(v)
		}
	}
	return []Case{
		{Name: "survivors split over a forked log, all signatures shown", Modes: inSM, Play: func(x *Try) { splitConfirmed(x, true) }},
		{Name: "survivors split over a forked log, strange signatures kept back", Modes: inSM, Play: func(x *Try) { splitConfirmed(x, false) }},
		{Name: "too few signatures", Modes: inSM, Play: confirming(participant.F12ThinSurvivors, func(_ *Coordinator, v *View, m *protocol.Confirmed) {
			m.Confirms = m.Confirms[:v.Degree.T-2] // with its own: one below t
		})},
		{Name: "no signatures", Modes: inSM, Play: confirming(participant.F12ThinSurvivors, func(_ *Coordinator, _ *View, m *protocol.Confirmed) { m.Confirms = nil })},
		{Name: "one signature many times", Modes: inSM, Play: confirming(participant.F15Malformed, func(_ *Coordinator, _ *View, m *protocol.Confirmed) {
			for i := range m.Confirms {
				m.Confirms[i] = m.Confirms[0]
			}
		})},
		{Name: "signatures of members that are no neighbours", Modes: inSM, Play: confirming(participant.F15Malformed, func(_ *Coordinator, _ *View, m *protocol.Confirmed) {
			m.Confirms[0].Index = 0 // the device itself
		})},
		{Name: "a signature by another key", Modes: inSM, Play: confirming(participant.F07BadKey, func(s *Coordinator, v *View, m *protocol.Confirmed) {
			c := &protocol.Confirm{SID: v.SID, Digest: m.Digest}
			c.Sign(protocol.Signer{Ed: s.key})
			m.Confirms[0].Sig = c.Sig
		})},
		{Name: "signatures of another session", Modes: inSM, Play: confirming(participant.F07BadKey, func(s *Coordinator, v *View, m *protocol.Confirmed) {
			for i := range m.Confirms {
				c := &protocol.Confirm{SID: [32]byte{1}, Digest: m.Digest}
				c.Sign(protocol.Signer{Ed: s.Devices[m.Confirms[i].Index].cfg.Key}) // as that member signed it then
				m.Confirms[i].Sig = c.Sig
			}
		})},
		{Name: "confirmations before the question", Modes: inSM, Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(10))
			v := s.uploaded()
			v.Confirms(s.Devices[0], sha256.Sum256([]byte("nothing")), nil)
			x.Refuses(participant.F15Malformed, s.Devices[0])
		}},

		{Name: "survivors split over a forked log", Modes: inW, Play: func(x *Try) { splitWitnessed(x, 0) }},
		{Name: "survivors split over a forked log, one witness fewer than the quorum corrupt", Modes: inW, Play: func(x *Try) { splitWitnessed(x, quorum-1) }},
		{Name: "a head without cosignatures", Modes: inW, Play: headOf(participant.F01BadProof, func(s *Coordinator) { s.Witnesses = nil })},
		{Name: "a head with fewer cosignatures than the quorum", Modes: inW, Play: headOf(participant.F01BadProof, func(s *Coordinator) { s.Witnesses = s.Witnesses[:quorum-1] })},
		{Name: "a head that strangers signed", Modes: inW, Play: headOf(participant.F01BadProof, func(s *Coordinator) {
			for i, w := range s.Witnesses {
				s.Witnesses[i] = &Witness{name: w.name, key: keyOf("stranger " + w.name)}
				s.Policy.Witnesses[i].Key = publicOf(s.Witnesses[i].key)
			}
		})},
		{Name: "witness time of more than a day ago", Modes: inW, Play: headOf(participant.F16Clock, func(s *Coordinator) { s.witnessClock = -25 * 3600 })},
		{Name: "witness time of another day", Modes: inW, Play: headOf(participant.F16Clock, func(s *Coordinator) { s.witnessClock = 48 * 3600 })},
	}
}

// splitConfirmed tells device 0 that all survive and the others that it does not. S has everybody's signatures, and shows device 0
// those of its set, or none other.
func splitConfirmed(x *Try, all bool) {
	s := NewCoordinator(x, x.Scene(10))
	v := splitSurvivors(s)
	x.Accepts(s.Devices...) // each saw one log, and signed what it saw
	mine := (&Set{Bitmap: bitmapOf(len(v.Members), everyone)}).digest()
	other := (&Set{Bitmap: bitmapOf(len(v.Members), but(0))}).digest()
	if all {
		v.Confirms(s.Devices[0], other, nil) // the others' signatures, on another digest than its own
		x.Refuses(participant.F13SurvivorsLie, s.Devices[0])
	} else {
		v.Confirms(s.Devices[0], mine, nil)
		x.Refuses(participant.F12ThinSurvivors, s.Devices[0])
	}
	// The others may well go on: nine agree. They give m of device 0, and b of one another.
	for _, d := range s.Devices[1:] {
		v.Confirms(d, other, nil)
	}
	x.Unmasks(v, upTo(10)[1:])
}

// digest is what mode SM signs.
func (s *Set) digest() [32]byte { return sha256.Sum256(s.Bitmap) }

// splitWitnessed tries the same where witnesses follow one of the two logs at most, but for corrupt ones.
func splitWitnessed(x *Try, corrupt int) {
	s := NewCoordinator(x, x.Scene(10))
	s.Corrupt(corrupt)
	v := splitSurvivors(s)
	x.Accepts(s.Devices[0])
	x.Refuses(participant.F01BadProof, s.Devices[1:]...)
	x.Unmasks(v)
}

// headOf plays to the upload, and then shows a device its next head of the log as change makes it.
func headOf(why participant.Refusal, change func(s *Coordinator)) func(x *Try) {
	return func(x *Try) {
		s := NewCoordinator(x, x.Scene(8))
		s.Policy.Witnesses = slices.Clone(s.Policy.Witnesses)
		v := s.uploaded()
		change(s)
		set := v.Seals(everyone, nil)
		v.Ask(s.Devices[0], set, nil)
		x.Refuses(why, s.Devices[0])
		x.Unmasks(v)
	}
}

// seedCases are what S may try with the checkpoint that draws the graph (mode W).
func seedCases() []Case {
	roster := func(why participant.Refusal, change func(s *Coordinator, v *View, m *protocol.Roster)) func(x *Try) {
		return func(x *Try) {
			s := NewCoordinator(x, ringScene(x))
			r := s.offered()
			v := r.Freeze(s.Log, r.Everyone(), nil)
			v.Keys(s.Devices[0], func(m *protocol.Roster) { change(s, v, m) })
			x.Refuses(why, s.Devices[0])
		}
	}
	return []Case{
		{Name: "cosignatures other than those that drew the graph", Modes: inW, Play: roster(participant.F08WrongGraph, func(s *Coordinator, _ *View, m *protocol.Roster) {
			s.witnessClock = 1 // signed again a second later
			note, err := s.checkpoint(s.Log)
			s.must(err)
			m.SeedCheckpoint = note
		})},
		{Name: "the cosignatures of a tree without the roster", Modes: inW, Play: roster(participant.F01BadProof, func(s *Coordinator, v *View, m *protocol.Roster) {
			old := &Ledger{tree: audit.NewLog()}
			for _, e := range s.Log.entries[:v.RosterAt] {
				old.tree.Append(e)
			}
			s.Corrupt(witnesses)
			note, err := s.checkpoint(old)
			s.must(err)
			m.SeedCheckpoint = note
		})},
		{Name: "a proof that does not lead there", Modes: inW, Play: roster(participant.F01BadProof, func(_ *Coordinator, _ *View, m *protocol.Roster) { m.SeedProof[0][0] ^= 1 })},
		{Name: "no cosignatures for the seed", Modes: inW, Play: roster(participant.F01BadProof, func(_ *Coordinator, _ *View, m *protocol.Roster) { m.SeedCheckpoint, m.SeedProof = nil, nil })},
		{Name: "corrupt witnesses sign again and again: no device gets more than a(k) corrupt neighbours", Modes: inW, Play: grinding},
	}
}

// grinding draws graphs with witnesses that sign whatever the coordinator likes, and looks for one in which some device has more
// corrupt neighbours than its threshold reckons with.
func grinding(x *Try) {
	const n, corrupt, draws = 1000, 50, 2000
	d, at, err := aggregation.LeastRing(aggregation.GraphParams{N: n, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: aggregation.ModeW})
	if err != nil {
		x.Fatal(err)
	}
	worst := 0
	for i := range draws {
		ring, err := aggregation.NewRing(n, 1, d.K, aggregation.GraphSeed([32]byte{1}, [32]byte{2}, append([]byte{byte(i), byte(i >> 8)}, make([]byte, 74)...)))
		if err != nil {
			x.Fatal(err)
		}
		worst = max(worst, mostCorrupt(ring, n, d.K, corrupt))
	}
	if worst > at.Corrupt || worst < at.Corrupt/4 {
		x.Errorf("in the worst of %d graphs a device has %d corrupt neighbours of %d; t = %d reckons with %d", draws, worst, d.K, d.T, at.Corrupt)
	}
}

// mostCorrupt is the most of members 0, …, corrupt−1 among any other member's neighbours.
func mostCorrupt(ring *aggregation.Ring, n, k, corrupt int) int {
	marked := make([]int, n)
	for i := range corrupt {
		marked[ring.Position(i)] = 1
	}
	near, worst := 0, 0
	for r := -k / 2; r <= k/2; r++ {
		near += marked[(r+n)%n]
	}
	for r := range n {
		if marked[r] == 0 {
			worst = max(worst, near)
		}
		near += marked[(r+k/2+1)%n] - marked[(r-k/2+n)%n]
	}
	return worst
}

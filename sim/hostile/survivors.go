package hostile

import (
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

func attacksOnSurvivors() []Attack {
	return []Attack{
		{ID: "A03", What: "both kinds of share for one neighbour", Rule: "the bitmap makes the classes disjoint, F13, F14", Cases: []Case{
			{Name: "a second set", Play: func(x *Try) { secondSet(x, func(*Device) {}) }},
			{Name: "a bitmap that is not the one logged", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				v := s.uploaded()
				set := v.Seals(everyone, nil)
				for _, d := range s.Devices {
					v.Ask(d, set, func(m *protocol.Survivors) { m.Bitmap[0] &^= 2 })
				}
				x.Refuses(participant.F13SurvivorsLie, s.Devices...)
				x.Unmasks(v)
			}},
			{Name: "a count that is not the bitmap's", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				v := s.uploaded()
				set := v.Seals(everyone, func(r *audit.Survivors, _ []byte) { r.Count-- })
				v.Ask(s.Devices[0], set, nil)
				x.Refuses(participant.F13SurvivorsLie, s.Devices[0])
			}},
			{Name: "a replay of the answered question gives the same shares", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(10))
				v, set := s.answered(but(3))
				for i, d := range s.Devices {
					if i != 3 {
						v.Ask(d, set, nil)
					}
				}
				x.Unmasks(v, []int{0, 1, 2, 4, 5, 6, 7, 8, 9})
			}},
			{Name: "a device that is not in the set is asked", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(10))
				v := s.uploaded()
				v.Ask(s.Devices[4], v.Seals(but(4), nil), nil)
				x.Refuses(participant.F13SurvivorsLie, s.Devices[4])
			}},
		}},
		{ID: "A04", What: "dropouts picked to cut a device or a group off", Rule: "thresholds (5.3, 5.5), F12", Cases: []Case{
			{Name: "every set of survivors of seven", Play: func(x *Try) { everySet(x, 7) }},
			{Name: "groups on a ring of 70", Modes: inW, Play: chosenDropouts},
		}},
		{ID: "A05", What: "sealed shares withheld between two groups", Rule: "F09, F13", Cases: []Case{
			{Name: "across every cut of seven, all called survivors", Play: func(x *Try) { everyCut(x, 7, true) }},
			{Name: "across every cut of seven, one side called survivors", Play: func(x *Try) { everyCut(x, 7, false) }},
			{Name: "across cuts of a ring of 70", Modes: inW, Play: withheldOnRing},
		}},
		{ID: "A14", What: "a late vector from a member called lost", Rule: "b of a lost member is never revealed", Cases: []Case{
			{Name: "the vector is kept back until m is known", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(10))
				v, _ := s.answered(but(2)) // 2 uploaded all the same
				u := Unmask(v)
				if _, ok := u.m[2]; !ok {
					x.Error("S should know the m of a lost member by now")
				}
				if _, ok := u.b[2]; ok {
					x.Error("S knows b of a lost member")
				}
				x.Unmasks(v, []int{0, 1, 3, 4, 5, 6, 7, 8, 9})
			}},
			{Name: "then its owner is asked for b", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(10))
				v, set := s.answered(but(2))
				v.Ask(s.Devices[2], set, nil)
				x.Refuses(participant.F13SurvivorsLie, s.Devices[2])
				x.Unmasks(v, []int{0, 1, 3, 4, 5, 6, 7, 8, 9})
			}},
			{Name: "then all are asked again, with it in the set", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(10))
				v, _ := s.answered(but(2))
				again := *v
				set := again.Seals(everyone, nil)
				for _, d := range s.Devices {
					v.Ask(d, set, nil)
				}
				x.Refuses(participant.F14AskedTwice, s.Devices[0], s.Devices[1], s.Devices[9])
				x.Unmasks(v, []int{0, 1, 3, 4, 5, 6, 7, 8, 9})
			}},
		}},
	}
}

// everySet asks one round's devices about every set of survivors, each time from the state they had after the upload.
func everySet(x *Try, n int) {
	s := NewCoordinator(x, x.Scene(n))
	v := s.uploaded()
	start := s.checkpointed()
	unmasked := 0
	for set := range 1 << n {
		s.restore(start)
		in := func(i int) bool { return set>>i&1 == 1 }
		w := v.again()
		w.askAll(w.Seals(in, nil))
		some, err := w.unmasksAtMost(in)
		if err != nil {
			x.Errorf("survivors %b of %d: %v", set, n, err)
		} else if some {
			unmasked++
		}
		x.count(s)
		for i, d := range s.Devices {
			if d.Refused != nil {
				continue
			}
			if got := len(said[*protocol.Reveal](d)); got != 1 || !in(i) {
				x.Errorf("survivors %b: device %d answered %d times", set, i, got)
			}
		}
	}
	if unmasked < n || unmasked > 1<<n/2 {
		x.Errorf("%d sets of %d gave a sum: the try tries nothing", unmasked, 1<<n)
	}
}

// askAll asks every device, in the set or not.
func (v *View) askAll(set Set) {
	v.AskAll(set, v.devices(everyone)...)
}

// unmasksAtMost wants S to know at most the one sum of all honest members of a set.
func (v *View) unmasksAtMost(in func(int) bool) (some bool, err error) {
	u := Unmask(v)
	parts := u.Parts()
	if len(parts) == 0 {
		return false, u.Check()
	}
	var honest []int
	for _, i := range v.where(in) {
		if v.Members[i].Device != nil {
			honest = append(honest, i)
		}
	}
	return true, u.Check(honest)
}

// chosenDropouts calls those positions lost that stand between a group and the rest of the ring, and nobody else.
func chosenDropouts(x *Try) {
	s := NewCoordinator(x, ringScene(x))
	v := s.uploaded()
	start := s.checkpointed()
	n, k := len(v.Members), v.Degree.K
	if k == n-1 {
		x.Fatal("the graph is complete")
	}
	for _, group := range []int{1, 2, 5, 20, n/2 - k/2} {
		for _, wall := range []int{k / 2, k/2 - 1, 1} {
			if group < 1 || group+2*wall >= n {
				continue
			}
			s.restore(start)
			in := func(i int) bool {
				p := v.Ring.Position(i)
				return p < group || p >= group+wall && p < n-wall
			}
			w := v.again()
			w.askAll(w.Seals(in, nil))
			if _, err := w.unmasksAtMost(in); err != nil {
				x.Errorf("a group of %d behind %d lost on each side (k = %d, t = %d): %v", group, wall, k, v.Degree.T, err)
			}
			x.count(s)
		}
	}
}

// everyCut withholds every box across a cut, then calls all who uploaded survivors, or those of one side.
func everyCut(x *Try, n int, all bool) {
	s := NewCoordinator(x, x.Scene(n))
	v := s.shared()
	start := s.checkpointed()
	sides, unmasked := []int{0}, 0
	if !all {
		sides = []int{0, 1}
	}
	for cut := 1; cut < 1<<(n-1); cut++ {
		for _, which := range sides {
			s.restore(start)
			side := func(i int) int { return cut >> i & 1 }
			for _, d := range s.Devices {
				v.Deliver(d, func(from, to int) bool { return side(from) != side(to) }, nil)
			}
			in := func(i int) bool { return all || v.Uploaded(i) && side(i) == which }
			w := v.again()
			w.askAll(w.Seals(in, nil))
			some, err := w.unmasksAtMost(in)
			if err != nil {
				x.Errorf("cut %b, all %v, side %d: %v", cut, all, which, err)
			} else if some {
				unmasked++
			}
			x.count(s)
		}
	}
	if all && unmasked > 0 || !all && unmasked == 0 {
		x.Errorf("%d cuts gave a sum, all called survivors: %v", unmasked, all)
	}
}

// withheldOnRing withholds across cuts of a ring into two arcs and calls everybody a survivor.
func withheldOnRing(x *Try) {
	s := NewCoordinator(x, ringScene(x))
	v := s.shared()
	start := s.checkpointed()
	n, k := len(v.Members), v.Degree.K
	for _, group := range []int{1, k / 2, k, n / 2} {
		s.restore(start)
		side := func(i int) bool { return v.Ring.Position(i) < group }
		for _, d := range s.Devices {
			v.Deliver(d, func(from, to int) bool { return side(from) != side(to) }, nil)
		}
		in := v.Uploaded
		w := v.again()
		w.askAll(w.Seals(in, nil))
		if _, err := w.unmasksAtMost(in); err != nil {
			x.Errorf("an arc of %d of %d (k = %d, t = %d): %v", group, n, k, v.Degree.T, err)
		}
		x.count(s)
	}
}

// ringScene is large enough for a ring, and its losses are few enough for one of small degree.
func ringScene(x *Try) Scene {
	sc := x.Scene(70)
	sc.DeltaBP, sc.NMin = 1500, 56
	return sc
}

// count notes what was refused, and wants a reason of the list for each.
func (x *Try) count(s *Coordinator) {
	x.Helper()
	for _, d := range s.Devices {
		switch {
		case d.Refused == nil:
		case d.Refused.Why == participant.None || d.Refused.Why == participant.F01BadProof:
			x.Errorf("%s: %v", d.Name, d.Refused) // a mistake of the scene: nothing was forged here
		default:
			x.Refusals[d.Refused.Why]++
		}
	}
}

// moment is what devices had on disk and had said at one time, so that many things can be tried from there.
type moment struct {
	devices   []Device
	scratch   []*participant.Memory
	log       *Ledger
	witnesses []Witness
}

func (s *Coordinator) checkpointed() moment {
	m := moment{log: s.Log.fork()}
	for _, d := range s.Devices {
		c := *d
		c.disk, c.entries, c.Said = slices.Clone(d.disk), slices.Clone(d.entries), slices.Clone(d.Said)
		m.devices = append(m.devices, c)
		m.scratch = append(m.scratch, d.scratch.Clone())
	}
	for _, w := range s.Witnesses {
		m.witnesses = append(m.witnesses, *w)
	}
	return m
}

func (s *Coordinator) restore(m moment) {
	s.t.Helper()
	s.Log = m.log.fork()
	for i, d := range s.Devices {
		c := m.devices[i]
		d.disk, d.entries, d.Said = slices.Clone(c.disk), slices.Clone(c.entries), slices.Clone(c.Said)
		d.Refused, d.Closed, d.seen = c.Refused, c.Closed, c.seen
		*d.scratch = *m.scratch[i].Clone()
		d.boot()
	}
	for i, w := range m.witnesses {
		*s.Witnesses[i] = w
	}
}

// again is the view on the log as it was restored.
func (v *View) again() *View {
	w := *v
	w.Log = v.r.s.Log
	return &w
}

func (v *View) String() string {
	return fmt.Sprintf("roster of %d, k = %d, t = %d", len(v.Members), v.Degree.K, v.Degree.T)
}

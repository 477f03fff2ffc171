package round

import "fmt"

// The invariants of the round machine (design: architecture 5), asserted where they could break. A panic here is a broken
// promise and stops the process before anything is acknowledged; no input reaches one. Invariant 6 is the driver's, which
// charges in the transaction that a Fact with Reserve names; invariant 7 is what the tests replay.

// assertFirstSurvivors is invariant 2: there was no other set before.
func (m *Machine) assertFirstSurvivors() {
	for _, c := range m.cohorts {
		if c.survivors != nil || c.bitmap != nil || c.u3 != 0 {
			panic(fmt.Sprintf("round: invariant 2: a second set of survivors of cohort %d", c.number))
		}
	}
}

// assertLogged is invariant 2: the set is in the log before anyone is asked to reveal.
func (m *Machine) assertLogged() {
	if !m.sealedLogged() || m.phase != Unmask {
		panic(fmt.Sprintf("round: invariant 2: a reveal would be asked for in phase %v, all survivors in the log: %v", m.phase, m.sealedLogged()))
	}
}

// assertMaySettle is invariants 1, 3 and 4 at the moment when they matter: what is summed is the logged set of each cohort and large
// enough, each of its members once, and of no member were both kinds of share taken.
func (m *Machine) assertMaySettle() {
	for _, c := range m.cohorts {
		m.assertSet(c)
	}
	for _, p := range m.roster {
		if p.reveal == nil {
			continue
		}
		for _, s := range p.reveal.SelfShares {
			if !m.roster[s.Index].inU3() {
				panic(fmt.Sprintf("round: invariant 3: a share of b of member %d, which is no survivor", s.Index))
			}
		}
		for _, s := range p.reveal.PairShares {
			if m.roster[s.Index].inU3() {
				panic(fmt.Sprintf("round: invariant 3: a share of m of member %d, which is a survivor", s.Index))
			}
		}
	}
	for _, c := range m.cohorts {
		m.assertSize(c)
	}
}

func (m *Machine) assertSet(c *cohort) {
	for _, p := range c.members {
		if in := bit(c.bitmap, int(p.index)); in != p.inU3() {
			panic(fmt.Sprintf("round: invariant 2: member %d is %v, in the logged set: %v", p.index, p.standing, in))
		}
	}
	for _, p := range m.roster {
		if p.cohort != c && bit(c.bitmap, int(p.index)) {
			panic(fmt.Sprintf("round: invariant 2: member %d of cohort %d is in the set of cohort %d", p.index, p.cohort.number, c.number))
		}
	}
}

func (m *Machine) assertSize(c *cohort) {
	count := 0
	for _, p := range c.members {
		if p.inU3() {
			count++
		}
	}
	if count != c.u3 || c.inputs.Size() != uint64(count) {
		panic(fmt.Sprintf("round: invariant 4: %d members of cohort %d are included, %d were logged with %d vectors", count, c.number, c.u3, c.inputs.Size()))
	}
	if least := m.leastSurvivors(); count < least || c.index == 0 {
		panic(fmt.Sprintf("round: invariant 1: %d vectors of cohort %d would be summed, %d are needed (survivors at log index %d)", count, c.number, least, c.index))
	}
}

// assertEnds is invariant 5: a phase whose deadline has passed has ended, or waits for nothing but the log.
func (m *Machine) assertEnds(before Phase) {
	if m.phase == before && !m.phase.Over() && m.late() && len(m.Awaiting()) == 0 {
		panic(fmt.Sprintf("round: invariant 5: phase %v outlives its deadline", m.phase))
	}
}

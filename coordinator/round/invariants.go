package round

import "fmt"

// The invariants of the round machine (design: architecture 5), asserted where they could break. A panic here is a broken
// promise and stops the process before anything is acknowledged; no input reaches one. Invariant 6 is the driver's, which
// charges in the transaction that a Fact with Reserve names; invariant 7 is what the tests replay.

// assertFirstSurvivors is invariant 2: there was no other set before.
func (m *Machine) assertFirstSurvivors() {
	if m.entries.survivors != nil || m.bitmap != nil || m.u3 != 0 {
		panic("round: invariant 2: a second set of survivors")
	}
}

// assertLogged is invariant 2: the set is in the log before anyone is asked to reveal.
func (m *Machine) assertLogged() {
	if m.indexes.survivors == 0 || m.phase != Unmask {
		panic(fmt.Sprintf("round: invariant 2: a reveal would be asked for in phase %v, survivors at log index %d", m.phase, m.indexes.survivors))
	}
}

// assertMaySettle is invariants 1, 3 and 4 at the moment when they matter: what is summed is the logged set and large enough,
// each of its members once, and of no member were both kinds of share taken.
func (m *Machine) assertMaySettle() {
	count := 0
	for _, p := range m.roster {
		if in := bit(m.bitmap, int(p.index)); in != p.inU3() {
			panic(fmt.Sprintf("round: invariant 2: member %d is %v, in the logged set: %v", p.index, p.standing, in))
		}
		if p.inU3() {
			count++
		}
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
	if count != m.u3 || m.inputs.Size() != uint64(count) {
		panic(fmt.Sprintf("round: invariant 4: %d members are included, %d were logged with %d vectors", count, m.u3, m.inputs.Size()))
	}
	if least := m.leastSurvivors(); count < least || m.indexes.survivors == 0 {
		panic(fmt.Sprintf("round: invariant 1: %d vectors would be summed, %d are needed (survivors at log index %d)", count, least, m.indexes.survivors))
	}
}

// assertEnds is invariant 5: a phase whose deadline has passed has ended, or waits for nothing but the log.
func (m *Machine) assertEnds(before Phase) {
	if m.phase == before && !m.phase.Over() && m.late() && len(m.Awaiting()) == 0 {
		panic(fmt.Sprintf("round: invariant 5: phase %v outlives its deadline", m.phase))
	}
}

package round

import (
	"errors"
	"math"
)

// Who spoilt a round that was given up (secure aggregation 10.8). One thing is certain, because the member signed it itself; all the
// rest is suspicion, and rests on what other members say or on silence.

// Fault is what a member is held to have done in an aborted round. A greater one outweighs a smaller one.
type Fault uint8

// Faults.
const (
	NoFault         Fault = iota
	Absent                // suspected: silent when it owed a vector or an answer, and one of few
	Quarrelled            // suspected: it is in more quarrels about boxes than those it quarrels with; or in one, like the other side
	BadBoxes              // suspected: more neighbours than may lie say that its boxes do not open, or one does and it fell silent
	BadShares             // suspected: the answers do not give the secret that it committed to
	WrongCiphertext       // certain: it signed a ciphertext that its own secret does not give
)

func (f Fault) String() string {
	switch f {
	case NoFault:
		return "nothing"
	case Absent:
		return "absent"
	case Quarrelled:
		return "quarrelled about a box"
	case BadBoxes:
		return "boxes that do not open"
	case BadShares:
		return "shares of no secret"
	case WrongCiphertext:
		return "wrong ciphertext"
	}
	return "unknown fault"
}

// Certain reports whether nobody else's word or deed can make it look like this.
func (f Fault) Certain() bool { return f == WrongCiphertext }

// Culprit is a member for whose fault a round was given up.
type Culprit struct {
	ID     [32]byte // its identity key
	Serial [16]byte // of the certificate that it took part with
	Index  uint32   // on the roster
	Fault  Fault
	Spared bool // the lot fell on the other side of the quarrel: this one sits out none for it
}

// Weigh is what is held against its certificate after this round.
func (p *Culprit) Weigh(before Conduct, round uint64) Conduct {
	after := before.After(round, p.Fault)
	if p.Spared {
		after.Until = before.Until
	}
	return after
}

// FaultError names the member because of which masks cannot be taken off.
type FaultError struct {
	Member uint32 // its index on the roster
	Fault  Fault
	Err    error
}

func (e *FaultError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *FaultError) Unwrap() error { return e.Err }

// Unmaskable is the event of a sum that cannot be unmasked, with the member that is to blame where err names one.
func Unmaskable(why Reason, err error) Event {
	e := Event{Kind: Unsettled, Why: why, Detail: err.Error()}
	var fault *FaultError
	if errors.As(err, &fault) {
		e.Index = uint64(fault.Fault)<<32 | uint64(fault.Member)
	}
	return e
}

// blameUnsettled reads what Unmaskable wrote.
func (m *Machine) blameUnsettled(e Event) {
	fault, index := Fault(min(e.Index>>32, math.MaxUint8)), e.Index&math.MaxUint32
	if (fault == BadShares || fault == WrongCiphertext) && index < uint64(len(m.roster)) {
		m.roster[index].blame(fault)
	}
}

func (p *member) blame(f Fault) { p.fault = max(p.fault, f) }

// culprits lists them in the order of the roster, once the Abort entry is made.
func (m *Machine) culprits() []Culprit {
	m.drawLots()
	var out []Culprit
	for _, p := range m.roster {
		if p.fault != NoFault {
			out = append(out, Culprit{ID: p.id, Serial: p.key.Cert.Serial, Index: p.index, Fault: p.fault, Spared: p.spared})
		}
	}
	return out
}

// mayLie is how many members of a cohort may work against the round, one at least.
func (m *Machine) mayLie() int { return max(1, m.corrupt) }

// blameAbsent suspects the silent if they are no more than may lie: a crowd is an outage, and the round bears as many losses as it
// was opened for. Nobody is to blame for not finding a coordinator that was away itself.
func (m *Machine) blameAbsent(silent []*member) {
	if m.disturbed || len(silent) > m.mayLie() {
		return
	}
	for _, p := range silent {
		p.blame(Absent)
	}
}

// unsent are the members of a cohort that dropped out before their vectors were whole.
func (c *cohort) unsent() []*member {
	var out []*member
	for _, p := range c.members {
		if p.reason == NoShares || p.reason == NoInput {
			out = append(out, p)
		}
	}
	return out
}

// sent is how many of these members sent a whole vector, whether it counts or not.
func sent(members []*member) int {
	n := 0
	for _, p := range members {
		if p.receipt != nil {
			n++
		}
	}
	return n
}

// blameThin looks at a cohort that has too few vectors: without quarrels there might have been enough.
func (m *Machine) blameThin(c *cohort) {
	if sent(c.members) < m.leastSurvivors() {
		m.blameAbsent(c.unsent())
		return
	}
	m.blameQuarrels(c)
}

// blameStuck looks at a lost member whose masks too few can take off: whoever seals good boxes for fewer than t neighbours and falls
// silent brings that about. A complaint about somebody who is still there may be what lies.
func (m *Machine) blameStuck(lost *member) {
	var around []*member
	for _, i := range lost.neighbours {
		around = append(around, m.roster[i])
	}
	accusers := m.accusers(lost)
	switch {
	case sent(around) < m.degree.T:
		m.blameAbsent(lost.cohort.unsent())
	case len(accusers) > m.mayLie() || len(accusers) > 0 && lost.receipt == nil:
		lost.blame(BadBoxes)
	default:
		m.blameQuarrels(lost.cohort)
	}
}

// blameSilent looks at secrets that too few answered for: at members that were silent and could have made it enough.
func (m *Machine) blameSilent() {
	silent := map[*member]bool{}
	for _, p := range m.roster {
		if !p.inU2 || !m.needsSecret(p) || m.answers[p.index] >= m.degree.T {
			continue
		}
		for _, i := range append([]int{int(p.index)}, p.neighbours...) {
			if q := m.roster[i]; m.silent(q) {
				silent[q] = true
			}
		}
	}
	var list []*member
	for _, p := range m.roster {
		if silent[p] {
			list = append(list, p)
		}
	}
	m.blameAbsent(list)
}

// silent reports whether a survivor said nothing when it was asked. In mode SM whoever confirmed may be waiting for those who did not.
func (m *Machine) silent(p *member) bool {
	if m.confirms() && m.relayed && p.standing == Confirmed {
		return !m.anyIncluded(p.cohort)
	}
	return p.standing == Included
}

func (m *Machine) anyIncluded(c *cohort) bool {
	for _, p := range c.members {
		if p.standing == Included {
			return true
		}
	}
	return false
}

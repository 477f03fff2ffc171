package round

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Members that disagree whether a box opens. Either may lie, and what the others saw fits both: only how often it happens to somebody,
// and with whom, tells anything (secure aggregation 10.8).

// quarrel is two members of which one says that the other's box did not open.
type quarrel [2]*member

// accusers are those who sent a vector and say that this member's box did not open.
func (m *Machine) accusers(p *member) []*member {
	var out []*member
	for _, i := range p.neighbours {
		if q := m.roster[i]; q.receipt != nil && slices.Contains(q.input.Failed, p.index) {
			out = append(out, q)
		}
	}
	return out
}

// blameQuarrels sorts out a cohort's complaints. A member that more accuse than may lie is to blame alone, and one that complains of more
// than it may (10.2). Of the quarrels that are left, those in most of them are to blame for these, again and again until nobody is in more
// than one. The lot decides the rest.
func (m *Machine) blameQuarrels(c *cohort) {
	open := m.openQuarrels(c)
	for {
		count, most := map[*member]int{}, 0
		for _, q := range open {
			for _, p := range q {
				count[p]++
				most = max(most, count[p])
			}
		}
		if most <= 1 {
			break
		}
		for p, n := range count {
			if n == most {
				p.blame(Quarrelled)
			}
		}
		open = slices.DeleteFunc(open, func(q quarrel) bool { return count[q[0]] == most || count[q[1]] == most })
	}
	m.tied = append(m.tied, open...)
}

// openQuarrels blames those whom one rule finds alone, and gives the quarrels of the others that took a vector away, each once.
func (m *Machine) openQuarrels(c *cohort) []quarrel {
	accused := map[*member][]*member{} // by accuser
	for _, p := range c.members {
		accusers := m.accusers(p)
		if len(accusers) > m.mayLie() {
			p.blame(BadBoxes)
			continue
		}
		for _, q := range accusers {
			accused[q] = append(accused[q], p)
		}
	}
	var open []quarrel
	for _, q := range c.members {
		if len(accused[q]) > mayComplain(q) {
			q.blame(Quarrelled)
			continue
		}
		for _, p := range accused[q] {
			if p.receipt != nil && !slices.Contains(open, quarrel{p, q}) {
				open = append(open, quarrel{q, p})
			}
		}
	}
	return open
}

// drawLots blames both sides of each quarrel that nothing else decides, and spares one, so that they do not sit out together and then
// meet again. The lot hangs on the signature of the Abort entry, which no member can know while it may still complain, and comes out the
// same in a replay.
func (m *Machine) drawLots() {
	for _, q := range m.tied {
		seed := binary.BigEndian.AppendUint32(slices.Clone(m.entries.final), min(q[0].index, q[1].index))
		lot := sha256.Sum256(binary.BigEndian.AppendUint32(seed, max(q[0].index, q[1].index)))
		q[0].blame(Quarrelled)
		q[1].blame(Quarrelled)
		q[lot[0]&1].spared = true
	}
}

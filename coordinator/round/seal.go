package round

import (
	"fmt"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// seal decides U3 of every cohort, once. From here the round either goes on with exactly these sets or is aborted: the Survivors
// entries are the privacy point of no return, and the population ledger is charged with the first of them.
func (m *Machine) seal(out *Output) {
	m.assertFirstSurvivors()
	m.dropUnsent()
	m.dropQuarrels()
	m.dropIsolated()
	m.unfold(out)
	if why := m.tooThin(); why != "" {
		m.abort(TooFewInputs, why, out)
		return
	}
	for _, c := range m.cohorts {
		m.include(c)
		c.survivors = m.record(c.record(m.openHash, m.hashes.roster))
		c.hash = audit.LeafHash(c.survivors)
		out.Facts = append(out.Facts, Fact{Entry: c.survivors, Reserve: c.number == 0, Serials: c.serials()})
	}
}

// tooThin says why the round cannot be summed, if so, and takes down who is to blame: a cohort without enough vectors, or one whose masks could not be taken off.
// Such a round ends before anybody is asked to reveal anything.
func (m *Machine) tooThin() string {
	for _, c := range m.cohorts {
		n, least := 0, m.leastSurvivors()
		for _, p := range c.members {
			if p.standing == Sent {
				n++
			}
		}
		if n < least {
			m.blameThin(c)
			return fmt.Sprintf("cohort %d: %d vectors can be summed, %d are needed", c.number, n, least)
		}
	}
	if p, holders := m.stuck(); p != nil {
		m.blameStuck(p)
		return fmt.Sprintf("the masks of lost member %d cannot be taken off: %d survivors hold its shares, %d are needed", p.index, holders, m.degree.T)
	}
	return ""
}

// serials are those of the survivors' certificates.
func (c *cohort) serials() [][16]byte {
	var out [][16]byte
	for _, p := range c.members {
		if p.inU3() {
			out = append(out, p.key.Cert.Serial)
		}
	}
	return out
}

// include fixes the cohort's set.
func (m *Machine) include(c *cohort) {
	c.bitmap = make([]byte, (len(m.roster)+7)/8)
	for _, p := range c.members {
		if p.standing == Sent {
			c.bitmap[p.index/8] |= 1 << (p.index % 8)
			c.inputs.Append(inputLeaf(p.index, p.input.YHash))
			p.standing, p.leaf = Included, c.u3
			c.u3++
		}
	}
}

// unfold takes the vectors of members that were dropped with a receipt out of the sum again.
func (m *Machine) unfold(out *Output) {
	for _, p := range m.roster {
		if p.standing == Dropped && p.receipt != nil {
			v := p.vector()
			v.Out = true
			out.Fold = append(out.Fold, v)
		}
	}
}

func (m *Machine) drop(p *member, r Reason) { p.standing, p.reason = Dropped, r }

func (m *Machine) dropUnsent() {
	for _, p := range m.roster {
		if p.standing == Shared {
			m.drop(p, NoInput)
		}
	}
}

// dropQuarrels makes sure that no two survivors disagree whether they masked with each other (10.2): a device that
// complains about more than an eighth of its neighbours goes itself, otherwise those it complains about go. One complaint is
// always heard: with fewer than eight neighbours a single liar could else make everyone else go.
func (m *Machine) dropQuarrels() {
	for _, p := range m.roster {
		if p.standing == Sent && len(p.input.Failed) > mayComplain(p) {
			m.drop(p, Complains)
		}
	}
	for _, p := range m.roster {
		if p.standing != Sent {
			continue
		}
		for _, i := range p.input.Failed {
			if q := m.roster[i]; q.standing == Sent {
				m.drop(q, BadCiphertext)
			}
		}
	}
}

// mayComplain is how many complaints of one member are heard.
func mayComplain(p *member) int { return max(1, len(p.neighbours)/8) }

// dropIsolated drops members that fewer than t neighbours in U3 could answer for, until nobody is left to drop. In the
// complete graph a device's own share counts (5.5).
func (m *Machine) dropIsolated() {
	for again := true; again; {
		again = false
		for _, p := range m.roster {
			if p.standing == Sent && m.backing(p) < m.degree.T {
				m.drop(p, FewNeighbours)
				again = true
			}
		}
	}
}

func (m *Machine) backing(p *member) int {
	n := 0
	if m.degree.K == len(p.cohort.members)-1 {
		n++
	}
	for _, i := range p.neighbours {
		if q := m.roster[i]; q.standing == Sent || q.inU3() {
			n++
		}
	}
	return n
}

// stuck finds a member outside U3 whose pair masks lie on survivors, too few of them to rebuild its secret.
func (m *Machine) stuck() (lost *member, holders int) {
	for _, p := range m.roster {
		if !p.inU2 || p.standing == Sent {
			continue
		}
		n := 0
		for _, i := range p.neighbours {
			if q := m.roster[i]; q.standing == Sent && bit(q.input.MaskedWith, place(q, p.index)) {
				n++
			}
		}
		if n > 0 && n < m.degree.T {
			return p, n
		}
	}
	return nil, 0
}

// survivorsLogged asks for the reveals, and only now (10.3).
func (m *Machine) survivorsLogged(out *Output) {
	m.enter(Unmask)
	m.startCounting()
	for _, p := range m.roster {
		if p.standing == Included {
			m.sendSurvivors(p, out)
		}
	}
}

func (m *Machine) sendSurvivors(p *member, out *Output) {
	m.assertLogged()
	msg := &protocol.Survivors{SID: p.cohort.sid, Bitmap: p.cohort.bitmap}
	out.prove(p.id, msg, span(m.indexes.roster+1, p.cohort.index)...)
}

func (p *member) inputProof() [][32]byte { return path(p.cohort.inputs, p.leaf) }

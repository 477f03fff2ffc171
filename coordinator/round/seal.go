package round

import (
	"crypto/sha256"
	"fmt"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// seal decides U3, once. From here the round either goes on with exactly this set or is aborted: the Survivors entry is
// the privacy point of no return, and the population ledger is charged with it.
func (m *Machine) seal(out *Output) {
	m.assertFirstSurvivors()
	m.dropUnsent()
	m.dropQuarrels()
	m.dropIsolated()
	m.unfold(out)
	var u3 []*member
	for _, p := range m.roster {
		if p.standing == Sent {
			u3 = append(u3, p)
		}
	}
	if least := m.leastSurvivors(); len(u3) < least {
		m.abort(TooFewInputs, fmt.Sprintf("%d vectors can be summed, %d are needed", len(u3), least), out)
		return
	}
	if p, holders := m.stuck(); p != nil {
		m.abort(TooFewInputs, fmt.Sprintf("the masks of lost member %d cannot be taken off: %d survivors hold its shares, %d are needed", p.index, holders, m.degree.T), out)
		return
	}
	m.bitmap = make([]byte, (len(m.roster)+7)/8)
	for at, p := range u3 {
		m.bitmap[p.index/8] |= 1 << (p.index % 8)
		m.inputs.Append(inputLeaf(p.index, p.input.YHash))
		p.standing, p.leaf = Included, at
	}
	m.u3 = len(u3)
	m.entries.survivors = m.record(&audit.Survivors{Open: m.openHash, Roster: m.hashes.roster, SID: m.sid, Count: uint32(len(u3)),
		BitmapHash: sha256.Sum256(m.bitmap), InputsRoot: m.inputs.Root(m.inputs.Size())})
	m.hashes.survivors = audit.LeafHash(m.entries.survivors)
	out.Facts = append(out.Facts, Fact{Entry: m.entries.survivors, Reserve: true})
}

// unfold takes the vectors of members that were dropped with a receipt out of the sum again.
func (m *Machine) unfold(out *Output) {
	for _, p := range m.roster {
		if p.standing == Dropped && p.receipt != nil {
			out.Fold = append(out.Fold, Vector{ID: p.id, YHash: p.receipt.YHash, Out: true})
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
// complains about more than an eighth of its neighbours goes itself, otherwise those it complains about go.
func (m *Machine) dropQuarrels() {
	for _, p := range m.roster {
		if p.standing == Sent && 8*len(p.input.Failed) > len(p.neighbours) {
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
	if m.degree.K == len(m.roster)-1 {
		n++
	}
	for _, i := range p.neighbours {
		if s := m.roster[i].standing; s == Sent || s == Included || s == Answered {
			n++
		}
	}
	return n
}

// stuck finds a member outside U3 whose pair masks lie on survivors, too few of them to rebuild its secret. Such a round could
// only end without a sum; it ends before anybody is asked to reveal anything.
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
	msg := &protocol.Survivors{SID: m.sid, Bitmap: m.bitmap}
	out.prove(p.id, msg, span(m.indexes.roster+1, m.indexes.survivors)...)
}

func (m *Machine) inputProof(p *member) [][32]byte { return path(m.inputs, p.leaf) }

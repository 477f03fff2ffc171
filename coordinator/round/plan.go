package round

import (
	"fmt"
	"io"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// Plan is the slow half of a round as plain values: what to add up and which masks to take off. It holds shares of
// secrets, lives in memory only and does not print them.
type Plan struct {
	D        int
	Suite    aggregation.Suite
	OpenHash [32]byte
	T        int
	Cohorts  []Part
}

// Part is one cohort of a plan. Its sum is made by itself.
type Part struct {
	SID       [32]byte
	Survivors []Survivor // U3 in index order
	Lost      []Lost     // members of U2 \ U3 that survivors masked with
}

// Survivor is a member of U3 with what rebuilds its self mask.
type Survivor struct {
	ID     [32]byte
	Index  uint32
	YHash  [32]byte
	BC     [32]byte
	Own    *[32]byte // its own b, if it answered with it
	Xs     []uint32
	Shares []aggregation.Share // of b
}

// Lost is a member whose pair masks must be cancelled.
type Lost struct {
	Index    uint32
	SPK      [32]byte
	KEM      []byte
	Xs       []uint32
	Shares   []aggregation.Share // of m
	Partners []aggregation.PeerKey
}

// String keeps shares out of logs.
func (p *Plan) String() string { return "[settle plan]" }

// GoString keeps shares out of logs.
func (p *Plan) GoString() string { return p.String() }

// Format hides the plan whatever the verb.
func (p *Plan) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.String()) }

// MarshalText keeps the plan out of text, JSON and structured logs.
func (p *Plan) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// startSettle hands out the plan. After a crash the same answers give the same plan again: Pending.
func (m *Machine) startSettle(out *Output) {
	m.enter(Settling)
	out.Work = m.plan()
}

func (m *Machine) suite() aggregation.Suite {
	o := &m.cfg.Open
	return aggregation.Suite{Kex: o.Kex, PRG: o.PRG, WordBits: o.WordBits}
}

func (m *Machine) plan() *Plan {
	m.assertMaySettle()
	plan := &Plan{D: m.cfg.Open.Words(), Suite: m.suite(), OpenHash: m.openHash, T: m.degree.T}
	held := m.revealed()
	for _, c := range m.cohorts {
		plan.Cohorts = append(plan.Cohorts, m.part(c, held))
	}
	return plan
}

// held is what was revealed of one secret.
type held struct {
	xs     []uint32
	shares []aggregation.Share
}

// revealed sorts the answers by the member whose secret they are shares of: b of a survivor, m of a lost one.
func (m *Machine) revealed() []held {
	out := make([]held, len(m.roster))
	for _, p := range m.roster {
		if p.reveal == nil {
			continue
		}
		x := m.ring.ShareX(int(p.index))
		for _, list := range [2][]protocol.PeerShare{p.reveal.SelfShares, p.reveal.PairShares} {
			for _, s := range list {
				h := &out[s.Index]
				h.xs, h.shares = append(h.xs, x), append(h.shares, aggregation.Share(s.Share))
			}
		}
	}
	return out
}

func (m *Machine) part(c *cohort, revealed []held) Part {
	part := Part{SID: c.sid}
	for _, p := range c.members {
		h := revealed[p.index]
		switch {
		case p.inU3():
			s := Survivor{ID: p.id, Index: p.index, YHash: p.input.YHash, BC: p.key.BC, Xs: h.xs, Shares: h.shares}
			if p.reveal != nil && p.reveal.HasOwn == 1 {
				own := p.reveal.OwnB
				s.Own = &own
			}
			part.Survivors = append(part.Survivors, s)
		case p.inU2:
			if partners := m.partners(p); len(partners) > 0 {
				part.Lost = append(part.Lost, Lost{Index: p.index, SPK: p.key.SPK, KEM: p.key.KEM, Xs: h.xs, Shares: h.shares, Partners: partners})
			}
		}
	}
	return part
}

package round

import (
	"bytes"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// revealIn takes R3: one answer per member and session.
func (m *Machine) revealIn(id [32]byte, msg *protocol.Reveal, out *Output) {
	p := m.sender(id, msg.SID, out)
	switch {
	case p == nil:
	case p.reveal != nil:
		if !bytes.Equal(p.reveal.Append(nil), msg.Append(nil)) {
			out.hangUp(id, protocol.CodeConflict, "another answer for this session was accepted before")
		}
	case m.phase > Unmask:
		// The shares are not needed any more and are not kept; the device hears how the round ends.
	case m.phase != Unmask || p.standing != m.mayReveal():
		out.hangUp(id, protocol.CodeUnexpected, "nobody asked this device for shares")
	default:
		if err := m.checkReveal(p, msg); err != nil {
			out.hangUp(id, protocol.CodeMalformed, err.Error())
			return
		}
		p.reveal, p.standing = msg, Answered
		m.count(p)
	}
}

// checkReveal wants exactly the shares that were asked for: of b for neighbours in U3, of m for those in U2 \ U3, in ring
// order, and only of those p masked with.
func (m *Machine) checkReveal(p *member, msg *protocol.Reveal) error {
	var self, pair []uint32
	for at, i := range p.neighbours {
		q := m.roster[i]
		if !bit(p.input.MaskedWith, at) {
			continue
		}
		if q.inU3() {
			self = append(self, q.index)
		} else {
			pair = append(pair, q.index)
		}
	}
	if !sameIndexes(msg.SelfShares, self) || !sameIndexes(msg.PairShares, pair) {
		return fmt.Errorf("reveal: the shares are not those that were asked for (%d self, %d pair)", len(self), len(pair))
	}
	if msg.HasOwn == 1 && !aggregation.CheckB(msg.OwnB, m.openHash, p.key.BC) {
		return fmt.Errorf("reveal: own_b does not fit the commitment in the roster")
	}
	if err := msg.Verify(p.verifier()); err != nil {
		return fmt.Errorf("reveal: %w", err)
	}
	return nil
}

// mayReveal is the standing from which a member answers.
func (m *Machine) mayReveal() Standing {
	if m.confirms() {
		return Confirmed
	}
	return Included
}

func (p *member) inU3() bool {
	return p.standing == Included || p.standing == Confirmed || p.standing == Answered
}

func sameIndexes(shares []protocol.PeerShare, want []uint32) bool {
	if len(shares) != len(want) {
		return false
	}
	for i, s := range shares {
		if s.Index != want[i] {
			return false
		}
	}
	return true
}

// startCounting notes which secrets Settle needs. They are counted as answers arrive: looking through all answers after
// each one would cost n²k.
func (m *Machine) startCounting() {
	m.answers, m.missing = make([]int, len(m.roster)), 0
	for _, p := range m.roster {
		if p.inU2 && m.needsSecret(p) {
			m.missing++
		}
	}
}

// count takes note of which secrets can be rebuilt with one more answer.
func (m *Machine) count(p *member) {
	add := func(index uint32, n int) {
		before := m.answers[index]
		m.answers[index] += n
		if before < m.degree.T && m.answers[index] >= m.degree.T {
			m.missing--
		}
	}
	if p.reveal.HasOwn == 1 {
		add(p.index, m.degree.T)
	}
	for _, list := range [2][]protocol.PeerShare{p.reveal.SelfShares, p.reveal.PairShares} {
		for _, s := range list {
			add(s.Index, 1)
		}
	}
}

// needsSecret: b of every survivor, and m of every lost member that some survivor masked with.
func (m *Machine) needsSecret(p *member) bool { return p.inU3() || len(m.partners(p)) > 0 }

// partners are the survivors that masked with the lost member p.
func (m *Machine) partners(p *member) []aggregation.PeerKey {
	var out []aggregation.PeerKey
	for _, i := range p.neighbours {
		q := m.roster[i]
		if q.inU3() && bit(q.input.MaskedWith, place(q, p.index)) {
			out = append(out, aggregation.PeerKey{Index: q.index, SPK: q.key.SPK, EPK: q.key.EPK, KEM: q.key.KEM, MaskCT: maskCT(p, q)})
		}
	}
	return out
}

// maskCT is the X-Wing ciphertext of a pair, which the lower index sent; nil in key agreement 1.
func maskCT(p, q *member) []byte {
	if p.index > q.index {
		p, q = q, p
	}
	if len(p.shares.MaskCTs) == 0 {
		return nil
	}
	return p.shares.MaskCTs[maskPlace(p, q.index)][:]
}

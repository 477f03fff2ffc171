package round

import (
	"bytes"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// member returns the sender if it is on the roster of the session the message names; otherwise it says why not.
func (m *Machine) sender(id [32]byte, sid [32]byte, out *Output) *member {
	p := m.members[id]
	switch {
	case p == nil || p.cohort == nil:
		out.hangUp(id, protocol.CodeUnexpected, "this device is not on the roster of the running round")
		return nil
	case sid != p.cohort.sid:
		out.hangUp(id, protocol.CodeStale, "sid names another session; wait for the next offer")
		return nil
	}
	return p
}

// sharesIn takes R1: one sealed box for each neighbour in ring order.
func (m *Machine) sharesIn(id [32]byte, msg *protocol.Shares, out *Output) {
	p := m.sender(id, msg.SID, out)
	switch {
	case p == nil:
	case p.shares != nil:
		if !bytes.Equal(p.shares.Append(nil), msg.Append(nil)) {
			out.hangUp(id, protocol.CodeConflict, "other shares for this session were accepted before")
		}
	case m.phase != Shares:
		out.hangUp(id, protocol.CodeLate, "phase shares is over; this device is out of the round")
	default:
		if err := m.checkShares(p, msg); err != nil {
			out.hangUp(id, protocol.CodeMalformed, err.Error())
			return
		}
		p.shares, p.standing = msg, Shared
	}
}

// checkShares counts: a box for each neighbour, and in key agreement 2 a ciphertext with each box and one for each pair that this
// member has the lower index of.
func (m *Machine) checkShares(p *member, msg *protocol.Shares) error {
	boxes, shareCTs, maskCTs := len(p.neighbours), 0, 0
	if m.cfg.Open.Kex == aggregation.KexXWing {
		shareCTs = boxes
		for _, i := range p.neighbours {
			if uint32(i) > p.index {
				maskCTs++
			}
		}
	}
	if len(msg.Sealed) != boxes || len(msg.ShareCTs) != shareCTs || len(msg.MaskCTs) != maskCTs {
		return fmt.Errorf("shares: %d boxes, %d and %d ciphertexts for shares and masks; want %d, %d and %d",
			len(msg.Sealed), len(msg.ShareCTs), len(msg.MaskCTs), boxes, shareCTs, maskCTs)
	}
	if err := msg.Verify(p.verifier()); err != nil {
		return fmt.Errorf("shares: %w", err)
	}
	return nil
}

// closeShares fixes U2 and forwards the boxes.
func (m *Machine) closeShares(out *Output) {
	for _, p := range m.roster {
		if p.standing == Shared {
			p.inU2 = true
			p.cohort.u2++
		} else {
			p.standing, p.reason = Dropped, NoShares
		}
	}
	for _, c := range m.cohorts {
		if least := m.leastSurvivors(); c.u2 < least {
			m.blameAbsent(c.unsent())
			m.abort(TooFewShares, fmt.Sprintf("cohort %d: %d members shared, %d are needed", c.number, c.u2, least), out)
			return
		}
	}
	m.enter(Inputs)
	for _, p := range m.roster {
		if p.inU2 {
			m.sendDelivery(p, out)
		}
	}
}

// leastSurvivors is max(n_min, ⌈(1−δ)n⌉) for the n members of one cohort (10.3).
func (m *Machine) leastSurvivors() int {
	return max(int(m.cfg.Open.NMin), aggregation.MinSurvivors(len(m.roster)/m.blocks(), int(m.cfg.Open.DeltaBP)))
}

// sendDelivery sends R2: what the neighbours in U2 sealed for p, in p's ring order.
func (m *Machine) sendDelivery(p *member, out *Output) {
	msg := &protocol.Delivery{SID: p.cohort.sid, Present: make([]byte, (len(p.neighbours)+7)/8)}
	for at, i := range p.neighbours {
		q := m.roster[i]
		if !q.inU2 {
			continue
		}
		msg.Present[at/8] |= 1 << (at % 8)
		made := place(q, p.index)
		msg.Sealed = append(msg.Sealed, q.shares.Sealed[made])
		if m.cfg.Open.Kex == aggregation.KexXWing {
			msg.ShareCTs = append(msg.ShareCTs, q.shares.ShareCTs[made])
			if q.index < p.index {
				msg.MaskCTs = append(msg.MaskCTs, q.shares.MaskCTs[maskPlace(q, p.index)])
			}
		}
	}
	out.send(p.id, msg)
}

// place is where index stands among q's neighbours. The graph is symmetric, so it always does.
func place(q *member, index uint32) int {
	for at, i := range q.neighbours {
		if uint32(i) == index {
			return at
		}
	}
	panic("round: the neighbour graph is not symmetric")
}

// maskPlace is where index stands among q's neighbours of greater indexes, for whom q makes the pair's ciphertext.
func maskPlace(q *member, index uint32) int {
	at := 0
	for _, i := range q.neighbours[:place(q, index)] {
		if uint32(i) > q.index {
			at++
		}
	}
	return at
}

func bit(b []byte, i int) bool { return b[i/8]&(1<<(i%8)) != 0 }

package round

import (
	"bytes"
	"crypto/sha256"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// In mode SM no witness keeps the coordinator from showing two sets of survivors. Instead each member of U3 signs the digest of the
// set that it was shown, the coordinator relays the signatures among neighbours, and a member reveals something only after enough
// of its neighbours signed the same digest (secure aggregation 9.2).

// confirms reports whether this round has that step.
func (m *Machine) confirms() bool { return aggregation.Mode(m.cfg.Open.Mode) == aggregation.ModeSM }

// confirming reports whether the signatures are still being collected.
func (m *Machine) confirming() bool { return m.phase == Unmask && m.confirms() && !m.relayed }

// relayBy is when the signatures are relayed at the latest: halfway through phase Unmask.
func (m *Machine) relayBy() time.Time {
	from, to := m.deadlineOf(Inputs), m.deadlineOf(Unmask)
	return from.Add(to.Sub(from) / 2)
}

// confirmIn takes a member's signature on its cohort's set. One that comes after the relay is of no use to others, and lets its own
// member go on.
func (m *Machine) confirmIn(id [32]byte, msg *protocol.Confirm, out *Output) {
	p := m.sender(id, msg.SID, out)
	switch {
	case p == nil:
	case p.confirm != nil:
		if !bytes.Equal(p.confirm.Append(nil), msg.Append(nil)) {
			out.hangUp(id, protocol.CodeConflict, "another confirmation for this session was accepted before")
		} else if m.relayed && m.phase == Unmask {
			m.sendConfirmed(p, out)
		}
	case m.phase > Unmask:
		// Too late to matter; the device hears how the round ends.
	case m.phase != Unmask || !m.confirms() || p.standing != Included:
		out.hangUp(id, protocol.CodeUnexpected, "nobody asked this device to confirm survivors")
	case msg.Digest != sha256.Sum256(p.cohort.bitmap):
		out.hangUp(id, protocol.CodeMalformed, "confirm: the digest is not that of the survivors of this session")
	case msg.Verify(p.verifier()) != nil:
		out.hangUp(id, protocol.CodeMalformed, "confirm: the signature does not verify")
	default:
		p.confirm, p.standing = msg, Confirmed
		if m.relayed {
			m.sendConfirmed(p, out)
		}
	}
}

// relay fixes which signatures are handed on, and hands them on.
func (m *Machine) relay(out *Output) {
	m.relayed = true
	for _, p := range m.roster {
		p.relayed = p.standing == Confirmed
	}
	for _, p := range m.roster {
		if p.relayed {
			m.sendConfirmed(p, out)
		}
	}
}

// sendConfirmed sends p the signatures of its neighbours, in its ring order. It is the same whenever it is sent.
func (m *Machine) sendConfirmed(p *member, out *Output) {
	msg := &protocol.Confirmed{SID: p.cohort.sid, Digest: p.confirm.Digest}
	for _, i := range p.neighbours {
		if q := m.roster[i]; q.relayed {
			msg.Confirms = append(msg.Confirms, protocol.PeerConfirm{Index: q.index, Sig: q.confirm.Sig, SigPQ: q.confirm.SigPQ})
		}
	}
	out.send(p.id, msg)
}

// verifier checks what p signs, in the round's suite.
func (p *member) verifier() protocol.Verifier { return protocol.Verifier{Ed: p.id[:], PQ: p.pq} }

package participant

import (
	"slices"

	"github.com/cinesync/cinesync/protocol"
)

// confirm signs the survivor set that this device was shown, for its neighbours: mode SM has no witnesses who would see that
// S shows different sets to different members (9.2). The answer is made already, and is held until enough neighbours signed
// the same.
func (m *Machine) confirm(out *Output) {
	msg := &protocol.Confirm{SID: m.st.SID, Digest: m.st.Digest}
	msg.Sign(m.signer())
	m.st.Confirm, m.st.Phase = msg.Append(nil), confirming
	out.Send = append(out.Send, msg)
}

// confirmed answers R3 once t neighbours have signed this device's own digest; its own counts in the complete graph.
func (m *Machine) confirmed(msg *protocol.Confirmed, out *Output) error {
	if m.st.Phase == idle || msg.SID != m.st.SID || m.late(byUnmask) {
		return nil
	}
	if m.st.Phase < confirming || len(m.st.Confirm) == 0 {
		return refuse(F15Malformed, "confirmations of survivors that this device was not asked to confirm")
	}
	if err := m.checkConfirms(msg); err != nil {
		return err
	}
	backing := len(msg.Confirms) + m.own()
	switch {
	case msg.Digest != m.st.Digest && len(msg.Confirms) > 0:
		return refuse(F13SurvivorsLie, "member %d confirms another set of survivors than this device was shown", msg.Confirms[0].Index)
	case msg.Digest != m.st.Digest:
		return refuse(F12ThinSurvivors, "nobody confirms the survivors that this device was shown")
	case m.st.Phase == answered:
		return m.resendSaved(protocol.TypeReveal, m.st.Reveal, out)
	case backing < int(m.st.T):
		return refuse(F12ThinSurvivors, "%d of this device's neighbours confirm the survivors, %d are needed", backing, m.st.T)
	}
	m.st.Phase = answered
	m.save(out)
	out.Sync = true
	return m.resendSaved(protocol.TypeReveal, m.st.Reveal, out)
}

// checkConfirms wants signatures of different neighbours, in ring order.
func (m *Machine) checkConfirms(msg *protocol.Confirmed) error {
	rest := m.st.Neighbours
	for i, c := range msg.Confirms {
		at := slices.IndexFunc(rest, func(q neighbour) bool { return q.Index == c.Index })
		if at < 0 {
			return refuse(F15Malformed, "the confirmation of member %d is there twice, out of order, or no neighbour's", c.Index)
		}
		v, err := m.verifier(&rest[at])
		if err != nil {
			return err
		}
		if err := msg.Verify(i, v); err != nil {
			return refuse(F07BadKey, "the confirmation of member %d: %v", c.Index, err)
		}
		rest = rest[at+1:]
	}
	return nil
}

// verifier checks a neighbour's signatures in the round's suite.
func (m *Machine) verifier(q *neighbour) (protocol.Verifier, error) {
	v := protocol.Verifier{Ed: q.IDPK[:]}
	if m.st.Open.Sig == protocol.SigHybrid {
		v.PQ = new(protocol.PQPublicKey)
		if err := v.PQ.UnmarshalBinary(q.PQ); err != nil {
			return v, refuse(F07BadKey, "the ML-DSA key of member %d: %v", q.Index, err)
		}
	}
	return v, nil
}

package participant

import (
	"encoding/binary"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// trained takes the update, clips and quantises it at once (so that what is kept on disk has a bound), makes the
// session's keys and advertises them: R0.
func (m *Machine) trained(e *Trained, out *Output) error {
	if e.Update != nil {
		defer e.Update.Erase() // what a person watched is in it; from here on only x exists
	}
	if m.st.Phase != training || e.OpenHash != m.st.OpenHash || m.late(byKeys) {
		return nil
	}
	o := &m.st.Open
	if e.Err != nil {
		return sitOut(e.Err)
	}
	if e.LayoutHash != o.LayoutHash || e.Update.Len() != int(o.D) {
		return refuse(F05UnknownCode, "the model's layout or its %d values are not the round's (%d)", e.Update.Len(), o.D)
	}
	x, err := quantised(m.cfg.Scratch, o, e.Update, m.cfg.Random)
	if err != nil {
		return because(F15Malformed, err)
	}
	secrets, err := aggregation.NewSecrets(m.cfg.Random)
	if err != nil {
		return err
	}
	defer secrets.Zero()
	pub, err := secrets.Public(m.st.OpenHash, m.st.Open.Kex)
	if err != nil {
		return err
	}
	if m.st.Secrets, err = secrets.MarshalBinary(); err != nil {
		return err
	}
	msg := &protocol.Advertise{OpenHash: m.st.OpenHash, Key: protocol.KeyBundle{Cert: m.cfg.Cert, SPK: pub.SPK, EPK: pub.EPK, BC: pub.BC, KEM: pub.KEM}}
	if o.Sig == protocol.SigHybrid {
		msg.Key.CertPQ = m.cfg.CertPQ
	}
	msg.Key.Sign(m.signer(), m.st.OpenHash)
	m.st.Quantised, m.st.Advertise, m.st.Phase = x, msg.Append(nil), advertised
	m.save(out)
	out.Send = append(out.Send, msg)
	return nil
}

// share draws the noise and sends R1, at a moment that does not tell how long it drew.
func (m *Machine) share(ring *aggregation.Ring, out *Output) error {
	secrets, err := m.st.secrets()
	if err != nil {
		return err
	}
	defer secrets.Zero()
	out.After = m.held() // whatever comes of it
	o := &m.st.Open
	if m.st.Noised, err = noised(m.cfg.Scratch, o, m.honest(), m.st.Quantised, m.cfg.Random); err != nil {
		return because(F03BelowFloor, err)
	}
	m.st.Quantised = written{}
	xs := make([]uint32, len(m.st.Neighbours))
	for i, q := range m.st.Neighbours {
		xs[i] = ring.ShareX(int(q.Index))
	}
	ms, bs, err := secrets.Split(int(m.st.T), xs, m.cfg.Random)
	if err != nil {
		return err
	}
	defer clear(ms)
	defer clear(bs)
	msg := &protocol.Shares{SID: m.st.SID}
	for i := range m.st.Neighbours {
		if err := m.seal(msg, secrets, &m.st.Neighbours[i], ms[i], bs[i]); err != nil {
			return refuse(F07BadKey, "member %d: %v", m.st.Neighbours[i].Index, err)
		}
	}
	msg.Sign(m.signer())
	m.st.Shares, m.st.Phase = msg.Append(nil), shared
	m.save(out)
	// Forgotten in a power cut, these boxes would be sealed again over fresh polynomials under the same keys and nonce (7.2).
	out.Sync = true
	out.Send = append(out.Send, msg)
	return nil
}

// seal adds what one neighbour gets: the box, and with X-Wing the ciphertexts that it opens it and their pair mask with.
func (m *Machine) seal(msg *protocol.Shares, secrets *aggregation.Secrets, q *neighbour, ms, bs aggregation.Share) error {
	in, peer := m.st.aggregation(), q.key()
	hybrid := in.Suite.Kex == aggregation.KexXWing
	if hybrid && m.st.Index < q.Index { // else it makes the one of this pair
		ct, err := secrets.MaskCT(in, m.st.Index, peer)
		if err != nil {
			return err
		}
		peer.MaskCT = ct
		msg.MaskCTs = append(msg.MaskCTs, [protocol.CiphertextSize]byte(ct))
	}
	box, ct, err := secrets.Seal(in, m.st.Index, peer, ms, bs, m.cfg.Random)
	if err != nil {
		return err
	}
	msg.Sealed = append(msg.Sealed, box)
	if hybrid {
		msg.ShareCTs = append(msg.ShareCTs, [protocol.CiphertextSize]byte(ct))
	}
	return nil
}

// rosterLeaf is u32(i) ‖ advertise bytes (8.2).
func rosterLeaf(i uint32, k protocol.KeyBundle) []byte {
	return append(binary.BigEndian.AppendUint32(nil, i), k.Bytes()...)
}

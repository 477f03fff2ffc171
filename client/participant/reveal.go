package participant

import (
	"crypto/sha256"
	"math/bits"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// survived handles R3. It answers one set of survivors, once; the answer is durable before it leaves (11.4).
func (m *Machine) survived(msg *protocol.Survivors, out *Output) error {
	if m.st.Phase == idle || msg.SID != m.st.SID {
		return nil
	}
	entries, err := m.follow(msg.Evidence)
	if err != nil {
		return err
	}
	m.save(out)
	if m.late(byUnmask) {
		return nil
	}
	digest := sha256.Sum256(msg.Bitmap)
	switch m.st.Phase {
	case answered, confirming:
		if digest != m.st.Digest {
			return refuse(F14AskedTwice, "a second, different set of survivors for one session")
		}
		if m.st.Phase == confirming {
			return m.resendSaved(protocol.TypeConfirm, m.st.Confirm, out)
		}
		return m.resendSaved(protocol.TypeReveal, m.st.Reveal, out)
	case sent, uploading: // uploading: everything was sent and the receipt was lost
	default:
		return refuse(F13SurvivorsLie, "asked for shares before this device sent its vector")
	}
	if err := m.checkSurvivors(entries, msg, digest); err != nil {
		return err
	}
	reveal, err := m.reveal(msg.Bitmap)
	if err != nil {
		return err
	}
	m.st.Digest, m.st.Reveal, m.st.Phase = digest, reveal.Append(nil), answered
	last := entries[len(entries)-1]
	record := last.record.(*audit.Survivors) // checked above
	m.st.SurvHash, m.st.InputsRoot, m.st.Survivors = last.hash, record.InputsRoot, record.Count
	m.st.keepSurvivors(msg.Evidence, last)
	if aggregation.Mode(m.st.Open.Mode) == aggregation.ModeSM {
		clear(reveal.SelfShares) // what is saved may have to be erased without ever being sent
		clear(reveal.PairShares)
		reveal.OwnB = [32]byte{}
		m.confirm(out)
	} else {
		out.Send = append(out.Send, reveal)
	}
	m.save(out)
	out.Sync = true
	return nil
}

func (m *Machine) checkSurvivors(entries []logEntry, msg *protocol.Survivors, digest [32]byte) error {
	if err := contiguous(entries, m.st.RosterIndex+1); err != nil {
		return err
	}
	last := entries[len(entries)-1]
	s, ok := last.record.(*audit.Survivors)
	if !ok || s.Open != m.st.OpenHash || s.Roster != m.st.RosterHash || s.Cohort != m.st.Cohort {
		return refuse(F01BadProof, "the last entry shown is not this session's Survivors")
	}
	for _, e := range entries[:len(entries)-1] {
		switch r := e.record.(type) {
		case *audit.Survivors:
			if r.Roster == m.st.RosterHash && r.Cohort == m.st.Cohort {
				return refuse(F02RivalEntry, "the log holds an earlier Survivors for this session at %d", e.index)
			}
		case *audit.Abort:
			if r.Open == m.st.OpenHash {
				return refuse(F02RivalEntry, "the round was aborted at %d", e.index)
			}
		}
	}
	if s.SID != m.st.SID || s.BitmapHash != digest || len(msg.Bitmap) != (int(m.st.N)+7)/8 {
		return refuse(F13SurvivorsLie, "session id or bitmap do not fit the Survivors record")
	}
	return m.checkBitmap(msg.Bitmap, s.Count)
}

// checkBitmap counts for itself (F12), and refuses a set that holds a neighbour it did not mask with (F13): without that
// clause S could cut any group off by withholding shares.
func (m *Machine) checkBitmap(bitmap []byte, claimed uint32) error {
	count := 0
	for _, b := range bitmap {
		count += bits.OnesCount8(b)
	}
	if extra := len(bitmap)*8 - int(m.st.N); extra > 0 && bitmap[len(bitmap)-1]>>(8-extra) != 0 {
		return refuse(F15Malformed, "the bitmap has bits beyond the roster")
	}
	if count != int(claimed) || !in(bitmap, m.st.Index) {
		return refuse(F13SurvivorsLie, "%d survivors are marked, %d are logged, this device among them: %v", count, claimed, in(bitmap, m.st.Index))
	}
	o := &m.st.Open
	if err := m.checkCohort(bitmap, count); err != nil {
		return err
	}
	if least := max(int(o.NMin), aggregation.MinSurvivors(int(m.st.N/o.Cohorts), int(o.DeltaBP))); count < least {
		return refuse(F12ThinSurvivors, "%d survivors, at least %d are wanted", count, least)
	}
	backing := m.own()
	for _, q := range m.st.Neighbours {
		if !in(bitmap, q.Index) {
			continue
		}
		if !q.Masked {
			return refuse(F13SurvivorsLie, "member %d is among the survivors, and this device did not mask with it", q.Index)
		}
		backing++
	}
	if backing < int(m.st.T) {
		return refuse(F12ThinSurvivors, "%d of this device's neighbours survive, %d are needed", backing, m.st.T)
	}
	return nil
}

// checkCohort wants the marked members to be of this device's cohort, all of them: its sum is of nobody else.
func (m *Machine) checkCohort(bitmap []byte, count int) error {
	o := &m.st.Open
	if o.Cohorts == 1 {
		return nil
	}
	ring, err := aggregation.NewRing(int(m.st.N), int(o.Cohorts), int(m.st.K), m.st.Seed)
	if err != nil {
		return err
	}
	for _, i := range ring.Members(int(m.st.Cohort)) {
		if in(bitmap, uint32(i)) {
			count--
		}
	}
	if count != 0 {
		return refuse(F13SurvivorsLie, "%d of the survivors are of another cohort", count)
	}
	return nil
}

func in(bitmap []byte, i uint32) bool { return bitmap[i/8]&(1<<(i%8)) != 0 }

// reveal gives, for each neighbour it masked with, one share: of b if it survived, of m if not, never both.
func (m *Machine) reveal(bitmap []byte) (*protocol.Reveal, error) {
	secrets, err := m.st.secrets()
	if err != nil {
		return nil, err
	}
	defer secrets.Zero()
	r := &protocol.Reveal{SID: m.st.SID, HasOwn: 1, OwnB: secrets.B()}
	for _, q := range m.st.Neighbours {
		switch {
		case !q.Masked:
		case in(bitmap, q.Index):
			r.SelfShares = append(r.SelfShares, protocol.PeerShare{Index: q.Index, Share: q.B})
		default:
			r.PairShares = append(r.PairShares, protocol.PeerShare{Index: q.Index, Share: q.M})
		}
	}
	r.Sign(m.signer())
	return r, nil
}

// closed ends the round on this device: proofs are checked, the receipt completed, everything secret erased.
func (m *Machine) closed(msg *protocol.Close, out *Output) error {
	if m.st.Phase == idle || msg.OpenHash != m.st.OpenHash {
		return nil
	}
	entries, err := m.follow(msg.Evidence)
	if err != nil {
		return err
	}
	if len(entries) != 1 {
		return refuse(F01BadProof, "%d entries close a round, want 1", len(entries))
	}
	res := &Closed{Round: m.st.Open.Round, OpenHash: m.st.OpenHash}
	switch r := entries[0].record.(type) {
	case *audit.RoundClose:
		if r.Open != m.st.OpenHash {
			return refuse(F01BadProof, "the RoundClose shown is another round's")
		}
		if m.st.Phase >= shared && r.Roster != m.st.RosterHash {
			return refuse(F02RivalEntry, "the round closed over another roster than this device was shown")
		}
		if m.st.Phase >= confirming && !m.closesOver(r) {
			return refuse(F02RivalEntry, "the round closed over other survivors than this device answered")
		}
		res.Model, res.Serve = r.ModelOut, r.ServeHash
		if m.st.Phase >= confirming {
			if err := m.checkCounted(msg); err != nil {
				return err
			}
			res.Counted, res.Receipt = true, m.receiptFile(entries[0], msg)
		}
	case *audit.Abort:
		if r.Open != m.st.OpenHash {
			return refuse(F01BadProof, "the Abort shown is another round's")
		}
		res.Aborted, res.Reason = true, r.Detail
	default:
		return refuse(F01BadProof, "the entry shown does not close a round")
	}
	m.st.end()
	out.Erase = true
	m.save(out)
	out.Closed = res
	return nil
}

// closesOver reports whether a round closed over the survivors of this device's cohort that it answered for.
func (m *Machine) closesOver(r *audit.RoundClose) bool {
	return uint64(m.st.Cohort) < uint64(len(r.Survivors)) && r.Survivors[m.st.Cohort] == m.st.SurvHash
}

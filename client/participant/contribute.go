package participant

import (
	"crypto/sha256"
	"encoding/binary"
	"io"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// What leaves a device, in order: clip and quantise (quantised, after training), noise (noised, once the roster says how
// many share it), mask (masked, once the neighbours' shares are open). Floats end in quantised.

// quantised clips the update to C and rounds it to integers whose squares sum to at most C_int², exactly.
func quantised(g aggregation.Grid, update []float32, random io.Reader) ([]int32, error) {
	if _, err := privacy.Clip(update, g.C); err != nil {
		return nil, err
	}
	coins, err := privacy.NewSessionStream(random)
	if err != nil {
		return nil, err
	}
	defer coins.Zero()
	return g.Quantise(update, coins)
}

// noised adds this device's share of exact discrete Gaussian noise: enough that any honest survivors the roster allows
// carry σ_tot² together (privacy 6.1).
func noised(o *audit.RoundOpen, n int, x []int32, random io.Reader) ([]uint32, error) {
	hMin := privacy.HonestFloor(n, int(o.GammaBP), int(o.DeltaBP))
	noise, err := privacy.NewSessionStream(random)
	if err != nil {
		return nil, err
	}
	defer noise.Zero()
	return privacy.Perturb(x, privacy.LocalVariance(o.SigmaTotSq, hMin), noise)
}

// masked adds the self mask and a pair mask for every neighbour whose shares this device holds.
func masked(s *aggregation.Secrets, st *state) ([]byte, error) {
	y := append([]uint32(nil), st.Noised...)
	var peers []aggregation.Peer
	for _, q := range st.Neighbours {
		if q.Masked {
			peers = append(peers, aggregation.Peer{Index: q.Index, SPK: q.SPK})
		}
	}
	if err := s.Mask(y, st.OpenHash, st.SID, st.Index, peers); err != nil {
		return nil, err
	}
	return aggregation.AppendWords(nil, y), nil
}

// delivered handles R2: it opens every box, masks, charges the ledger, and only then announces the vector.
func (m *Machine) delivered(msg *protocol.Delivery, out *Output) error {
	if m.st.Phase == idle || msg.SID != m.st.SID {
		return nil
	}
	digest := sha256.Sum256(msg.Append(nil))
	switch m.st.Phase {
	case shared:
	case uploading, sent:
		if digest != m.st.Delivery {
			return refuse(F14AskedTwice, "a second, different delivery for one session")
		}
		return m.resendSaved(protocol.TypeInput, m.st.Input, out)
	default:
		return nil
	}
	secrets, err := m.st.secrets()
	if err != nil {
		return err
	}
	defer secrets.Zero()
	failed, err := m.openBoxes(secrets, msg)
	if err != nil {
		return err
	}
	if m.st.Y, err = masked(secrets, &m.st); err != nil {
		return refuse(F07BadKey, "%v", err)
	}
	entry, err := m.ledger.Next(m.charge(&m.st.Open, m.st.OpenHash))
	if err != nil {
		return refuse(F10Budget, "%v", err)
	}
	header := m.header(failed, entry.Seq)
	m.st.Delivery, m.st.Input, m.st.Phase, m.st.Signed = digest, header.Append(nil), uploading, entry.Seq
	m.uploading = false // an earlier round's upload on this connection is no upload of this one
	out.Noised = m.st.Noised
	m.st.Noised = nil
	m.save(out)
	out.Entry, out.Sync, out.Erase = &entry, true, true
	out.Outbox = &Outbox{OpenHash: m.st.OpenHash, Question: m.st.Question.ID, Purpose: m.st.Question.Purpose, Round: m.st.Open.Round,
		Bytes: int64(len(m.st.Input) + len(m.st.Y)), Digest: header.YHash, Units: entry.Units}
	out.Send = append(out.Send, header)
	return nil
}

// openBoxes opens what the neighbours sealed. One that does not open counts as absent and is named (9, R2).
func (m *Machine) openBoxes(secrets *aggregation.Secrets, msg *protocol.Delivery) (failed []uint32, err error) {
	if len(msg.Present) != (len(m.st.Neighbours)+7)/8 {
		return nil, refuse(F15Malformed, "a bitmap of %d bytes for %d neighbours", len(msg.Present), len(m.st.Neighbours))
	}
	if extra := len(msg.Present)*8 - len(m.st.Neighbours); extra > 0 && msg.Present[len(msg.Present)-1]>>(8-extra) != 0 {
		return nil, refuse(F15Malformed, "the bitmap has bits beyond the neighbours")
	}
	next, opened := 0, 0
	for i := range m.st.Neighbours {
		if msg.Present[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		if next == len(msg.Sealed) {
			return nil, refuse(F15Malformed, "more neighbours are present than boxes were sent")
		}
		q := &m.st.Neighbours[i]
		ms, bs, err := secrets.Open(q.EPK, m.st.SID, q.Index, m.st.Index, msg.Sealed[next])
		next++
		if err != nil {
			failed = append(failed, q.Index)
			continue
		}
		q.Masked, q.M, q.B = true, ms, bs
		opened++
	}
	if next != len(msg.Sealed) {
		return nil, refuse(F15Malformed, "%d boxes for %d present neighbours", len(msg.Sealed), next)
	}
	if opened+m.own() < int(m.st.T) {
		return nil, refuse(F09TooFew, "the shares of %d neighbours open, %d are needed", opened, m.st.T)
	}
	return failed, nil
}

// own is 1 in the complete graph, where a device's own share counts (5.5).
func (m *Machine) own() int {
	if m.st.K == m.st.N-1 {
		return 1
	}
	return 0
}

func (m *Machine) header(failed []uint32, seq uint64) *protocol.Input {
	h := &protocol.Input{SID: m.st.SID, MaskedWith: make([]byte, (len(m.st.Neighbours)+7)/8), Failed: failed,
		Length: uint64(len(m.st.Y)), YHash: sha256.Sum256(m.st.Y), LedgerSeq: seq}
	for i, q := range m.st.Neighbours {
		if q.Masked {
			h.MaskedWith[i/8] |= 1 << (i % 8)
		}
	}
	for at := 0; at < len(m.st.Y); at += protocol.ChunkSize {
		h.Chunks = append(h.Chunks, sha256.Sum256(m.st.Y[at:min(at+protocol.ChunkSize, len(m.st.Y))]))
	}
	h.Sign(protocol.Signer{Ed: m.cfg.Key})
	return h
}

// inputState sends the vector from where S says it is durable. Later states on the same connection are acknowledgements.
func (m *Machine) inputState(msg *protocol.InputState, out *Output) error {
	if m.st.Phase != uploading || msg.SID != m.st.SID || m.uploading {
		return nil
	}
	if msg.Offset > uint64(len(m.st.Y)) || msg.Offset%protocol.ChunkSize != 0 && msg.Offset != uint64(len(m.st.Y)) {
		return refuse(F15Malformed, "input state: offset %d in a vector of %d bytes", msg.Offset, len(m.st.Y))
	}
	m.uploading = true
	for at := int(msg.Offset); at < len(m.st.Y); at += protocol.ChunkSize {
		out.Send = append(out.Send, &protocol.Chunk{SID: m.st.SID, Offset: uint64(at), Data: m.st.Y[at:min(at+protocol.ChunkSize, len(m.st.Y))]})
	}
	return nil
}

// receipted keeps S's receipt.
func (m *Machine) receipted(msg *protocol.Receipt, out *Output) error {
	if m.st.Phase != uploading || msg.SID != m.st.SID {
		return nil // another receipt adds nothing
	}
	if msg.Index != m.st.Index || msg.YHash != sha256.Sum256(m.st.Y) || msg.Verify(protocol.Verifier{Ed: m.cfg.Coordinator}) != nil {
		return refuse(F07BadKey, "the receipt is not for the vector that was sent, or its signature fails")
	}
	m.st.Receipt, m.st.Phase = msg.Append(nil), sent
	m.save(out)
	out.Outbox = &Outbox{OpenHash: m.st.OpenHash, Question: m.st.Question.ID, Purpose: m.st.Question.Purpose, Round: m.st.Open.Round,
		Bytes: int64(len(m.st.Input) + len(m.st.Y)), Digest: msg.YHash, Units: privacy.Units(m.st.Open.RhoUnits), Receipt: m.st.Receipt}
	return nil
}

// rosterLeaf is u32(i) ‖ advertise bytes (8.2).
func rosterLeaf(i uint32, k protocol.KeyBundle) []byte {
	b := k.Bytes()
	return append(binary.BigEndian.AppendUint32(nil, i), b[:]...)
}

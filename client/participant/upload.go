package participant

import (
	"crypto/sha256"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// delivered handles R2: it opens every box, masks, charges the ledger, and only then announces the vector.
func (m *Machine) delivered(msg *protocol.Delivery, out *Output) error {
	if m.st.Phase == idle || msg.SID != m.st.SID || m.late(byInputs) {
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
	if err := m.checkLedger(); err != nil { // of an old copy, this round may have been paid for, and answered otherwise
		return err
	}
	debit := m.charge(&m.st.Open, m.st.OpenHash)
	if err := payable(m.ledger, m.st.Limits, m.st.Share, debit); err != nil {
		return err
	}
	entry, err := m.ledger.Next(debit)
	if err != nil {
		return refuse(F10Budget, "%v", err)
	}
	y, err := masked(m.cfg.Scratch, secrets, &m.st)
	if err != nil {
		return err
	}
	header := m.header(y, failed, entry.Seq)
	m.st.Delivery, m.st.Input, m.st.Phase, m.st.Signed = digest, header.Append(nil), uploading, entry.Seq
	m.uploading = false // an earlier round's upload on this connection is no upload of this one
	m.st.Masked, m.st.Noised = y.written, written{}
	for i := range m.st.Neighbours {
		m.st.Neighbours[i].maskCT = nil
	}
	m.save(out)
	out.Entry, out.Sync, out.Noised = &entry, true, Noised{fileNoised, m.st.Open.Words()}
	out.Outbox = m.outbox(nil)
	out.Send = append(out.Send, header)
	return nil
}

// outbox is what the owner is shown of R2.
func (m *Machine) outbox(receipt []byte) *Outbox {
	return &Outbox{OpenHash: m.st.OpenHash, Question: m.st.Question.ID, Purpose: m.st.Question.Purpose, Round: m.st.Open.Round,
		Bytes: int64(len(m.st.Input)) + m.st.Masked.Size, Digest: m.st.Masked.Hash, Units: privacy.Units(m.st.Open.RhoUnits), Receipt: receipt}
}

// openBoxes opens what the neighbours sealed. One that does not open counts as absent and is named (9, R2).
func (m *Machine) openBoxes(secrets *aggregation.Secrets, msg *protocol.Delivery) (failed []uint32, err error) {
	present, err := m.present(msg)
	if err != nil {
		return nil, err
	}
	in, opened := m.st.aggregation(), 0
	for i, q := range present {
		var ct []byte
		if in.Suite.Kex == aggregation.KexXWing {
			ct = msg.ShareCTs[i][:]
		}
		ms, bs, err := secrets.Open(in, m.st.Index, q.key(), msg.Sealed[i], ct)
		if err != nil {
			failed = append(failed, q.Index)
			continue
		}
		q.Masked, q.M, q.B = true, ms, bs
		opened++
	}
	if opened+m.own() < int(m.st.T) {
		return nil, refuse(F09TooFew, "the shares of %d neighbours open, %d are needed", opened, m.st.T)
	}
	return failed, nil
}

// present finds the neighbours whose boxes were sent, and gives each the ciphertext it made for the pair mask. There is
// exactly what the bitmap announces.
func (m *Machine) present(msg *protocol.Delivery) ([]*neighbour, error) {
	if len(msg.Present) != (len(m.st.Neighbours)+7)/8 {
		return nil, refuse(F15Malformed, "a bitmap of %d bytes for %d neighbours", len(msg.Present), len(m.st.Neighbours))
	}
	if extra := len(msg.Present)*8 - len(m.st.Neighbours); extra > 0 && msg.Present[len(msg.Present)-1]>>(8-extra) != 0 {
		return nil, refuse(F15Malformed, "the bitmap has bits beyond the neighbours")
	}
	var out []*neighbour
	lower := 0
	for i := range m.st.Neighbours {
		q := &m.st.Neighbours[i]
		if msg.Present[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		out = append(out, q)
		if m.st.Open.Kex == aggregation.KexXWing && q.Index < m.st.Index {
			if lower < len(msg.MaskCTs) {
				q.maskCT = msg.MaskCTs[lower][:]
			}
			lower++
		}
	}
	cts := 0
	if m.st.Open.Kex == aggregation.KexXWing {
		cts = len(out)
	}
	if len(msg.Sealed) != len(out) || len(msg.ShareCTs) != cts || len(msg.MaskCTs) != lower {
		return nil, refuse(F15Malformed, "%d boxes, %d and %d ciphertexts for %d present neighbours, of whom %d have made one for a mask",
			len(msg.Sealed), len(msg.ShareCTs), len(msg.MaskCTs), len(out), lower)
	}
	return out, nil
}

// own is 1 in the complete graph, where a device's own share counts (5.5).
func (m *Machine) own() int {
	if m.st.K == m.st.N/m.st.Open.Cohorts-1 {
		return 1
	}
	return 0
}

func (m *Machine) header(y upload, failed []uint32, seq uint64) *protocol.Input {
	h := &protocol.Input{SID: m.st.SID, MaskedWith: make([]byte, (len(m.st.Neighbours)+7)/8), Failed: failed,
		Length: uint64(y.Size), Chunks: y.chunks, YHash: y.Hash, LedgerSeq: seq}
	for i, q := range m.st.Neighbours {
		if q.Masked {
			h.MaskedWith[i/8] |= 1 << (i % 8)
		}
	}
	h.Sign(m.signer())
	return h
}

// inputState sends the vector from where S says it is durable. Later states on the same connection are acknowledgements.
func (m *Machine) inputState(msg *protocol.InputState, out *Output) error {
	if m.st.Phase != uploading || msg.SID != m.st.SID || m.uploading || m.late(byInputs) {
		return nil
	}
	size := uint64(m.st.Masked.Size)
	if msg.Offset > size || msg.Offset%protocol.ChunkSize != 0 && msg.Offset != size {
		return refuse(F15Malformed, "input state: offset %d in a vector of %d bytes", msg.Offset, size)
	}
	m.uploading, m.at = true, int64(msg.Offset)
	return m.more(out)
}

// more sends the next chunk, if it is what the signed header says.
func (m *Machine) more(out *Output) error {
	left := m.st.Masked.Size - m.at
	if m.st.Phase != uploading || !m.uploading || left <= 0 || m.late(byInputs) {
		return nil
	}
	header, err := message[*protocol.Input](protocol.TypeInput, m.st.Input)
	if err != nil {
		return err
	}
	data := make([]byte, min(left, protocol.ChunkSize))
	if err := m.cfg.Scratch.Read(fileMasked, m.at, data); err != nil {
		return sitOut(err)
	}
	if sha256.Sum256(data) != header.Chunks[m.at/protocol.ChunkSize] {
		return changed(fileMasked)
	}
	out.Send = append(out.Send, &protocol.Chunk{SID: m.st.SID, Offset: uint64(m.at), Data: data})
	m.at += int64(len(data))
	out.More = m.at < m.st.Masked.Size
	return nil
}

// receipted keeps S's receipt.
func (m *Machine) receipted(msg *protocol.Receipt, out *Output) error {
	if m.st.Phase < uploading || msg.SID != m.st.SID || len(m.st.Receipt) > 0 {
		return nil // another receipt adds nothing
	}
	if msg.Index != m.st.Index || msg.YHash != m.st.Masked.Hash || msg.Verify(m.coordinator()) != nil {
		return refuse(F07BadKey, "the receipt is not for the vector that was sent, or its signature fails")
	}
	m.st.Receipt, m.st.Phase = msg.Append(nil), max(m.st.Phase, sent) // one that was lost may come again behind a later step
	m.save(out)
	out.Outbox = m.outbox(m.st.Receipt)
	return nil
}

package round

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cinesync/cinesync/protocol"
)

// inputIn takes the header of R2. The driver answers with how much of the vector is durable (InputState.Offset is its
// business), and the device sends from there.
func (m *Machine) inputIn(id [32]byte, msg *protocol.Input, out *Output) {
	p := m.sender(id, msg.SID, out)
	switch {
	case p == nil:
	case p.input != nil && !bytes.Equal(p.input.Append(nil), msg.Append(nil)):
		out.hangUp(id, protocol.CodeConflict, "another input header for this session was accepted before; both digests are in the journal")
	case m.phase < Inputs:
		out.hangUp(id, protocol.CodeUnexpected, "a vector before the shares of the neighbours were handed out")
	case p.receipt != nil:
		out.send(id, p.receipt)
	case m.phase != Inputs || m.sealed() || !p.inU2 || p.standing != Shared:
		out.hangUp(id, protocol.CodeLate, "phase inputs is closed for this device; its work for this round is lost and its charge stands")
	case p.input != nil:
		out.send(id, &protocol.InputState{SID: msg.SID})
	default:
		if err := m.checkInput(p, msg); err != nil {
			out.hangUp(id, protocol.CodeMalformed, err.Error())
			return
		}
		p.input = msg
		out.send(id, &protocol.InputState{SID: msg.SID})
	}
}

func (m *Machine) checkInput(p *member, msg *protocol.Input) error {
	size := uint64(m.cfg.Open.Words()) * uint64(m.cfg.Open.WordBits/8)
	if msg.Length != size {
		return fmt.Errorf("input: length is %d bytes, the round's vector has %d", msg.Length, size)
	}
	if want := int((size + protocol.ChunkSize - 1) / protocol.ChunkSize); len(msg.Chunks) != want {
		return fmt.Errorf("input: %d chunk hashes, want %d", len(msg.Chunks), want)
	}
	if len(msg.MaskedWith) != (len(p.neighbours)+7)/8 {
		return fmt.Errorf("input: bitmap of %d bytes for %d neighbours", len(msg.MaskedWith), len(p.neighbours))
	}
	for at := range len(msg.MaskedWith) * 8 {
		if bit(msg.MaskedWith, at) && (at >= len(p.neighbours) || !m.roster[p.neighbours[at]].inU2) {
			return fmt.Errorf("input: masked with neighbour %d, whose share was not delivered", at)
		}
	}
	if err := m.checkFailed(p, msg); err != nil {
		return err
	}
	if err := msg.Verify(p.verifier()); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return nil
}

// checkFailed wants the failed neighbours to be exactly those that were delivered and not masked with.
func (m *Machine) checkFailed(p *member, msg *protocol.Input) error {
	failed := map[uint32]bool{}
	for _, i := range msg.Failed {
		failed[i] = true
	}
	n := 0
	for at, i := range p.neighbours {
		if m.roster[i].inU2 && !bit(msg.MaskedWith, at) {
			n++
			if !failed[uint32(i)] {
				return fmt.Errorf("input: neighbour %d is neither masked with nor named as failed", i)
			}
		}
	}
	if n != len(msg.Failed) {
		return fmt.Errorf("input: %d failed neighbours are named, %d were delivered and not masked with", len(msg.Failed), n)
	}
	return nil
}

// uploaded takes note that a whole vector is durable, and gives the receipt (8.2). The driver sends it after the commit.
func (m *Machine) uploaded(id, hash [32]byte, out *Output) {
	p := m.members[id]
	if p == nil || p.input == nil || p.receipt != nil {
		return
	}
	if m.phase != Inputs || m.sealed() || p.standing != Shared {
		out.hangUp(id, protocol.CodeLate, "phase inputs is closed; the vector came too late and is discarded")
		return
	}
	if hash != p.input.YHash {
		out.hangUp(id, protocol.CodeMalformed, "input: the chunks do not add up to the announced vector hash")
		return
	}
	r := &protocol.Receipt{SID: p.cohort.sid, Index: p.index, YHash: hash}
	r.Sign(m.cfg.Signer)
	p.receipt, p.standing = r, Sent
	out.Fold = append(out.Fold, p.vector())
	out.send(id, r)
}

// inputLeaf is u32(i) ‖ H(y_i) (8.2).
func inputLeaf(index uint32, yHash [32]byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, index), yHash[:]...)
}

package participant

import (
	"encoding/binary"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// grew keeps the heads that lead from the Survivors to the round's end, for the receipt. More than a receipt file may have are
// not kept: the round then ends without one.
func (s *state) grew(ev protocol.Evidence, cp audit.Checkpoint) {
	if len(s.Trees) == 0 || cp.Size == s.TreeSize {
		return
	}
	if len(s.Trees) <= audit.MaxReceiptTrees {
		s.Trees = append(s.Trees, audit.ReceiptTree{Checkpoint: ev.Checkpoint, Consistency: ev.Consistency})
	}
}

// proved is an entry in the newest of the heads that were kept.
func (s *state) proved(e logEntry) audit.ProvedEntry {
	return audit.ProvedEntry{Tree: uint32(len(s.Trees) - 1), Index: e.index, Entry: e.shown.Entry, Proof: e.shown.Proof}
}

// keepSurvivors begins the receipt's way through the log.
func (s *state) keepSurvivors(ev protocol.Evidence, e logEntry) {
	s.Trees = []audit.ReceiptTree{{Checkpoint: ev.Checkpoint}}
	s.SurvEntry = s.proved(e)
}

// receiptFile is what this device keeps of a round that counted it, but for S's certificate, which whoever holds the connection
// has seen. It is nil where too many heads were shown.
func (m *Machine) receiptFile(e logEntry, msg *protocol.Close) *audit.ReceiptFile {
	if len(m.st.Trees) > audit.MaxReceiptTrees || len(m.st.Receipt) == 0 {
		return nil
	}
	return &audit.ReceiptFile{Receipt: m.st.Receipt, Trees: m.st.Trees, Survivors: m.st.SurvEntry, Close: m.st.proved(e),
		InputIndex: msg.InputIndex, InputProof: msg.InputProof}
}

// checkCounted completes the receipt: the vector this device sent lies in the set that was summed (8.2).
func (m *Machine) checkCounted(msg *protocol.Close) error {
	y := m.st.Masked.Hash
	leaf := append(binary.BigEndian.AppendUint32(nil, m.st.Index), y[:]...)
	if err := audit.CheckMerkle(msg.InputProof, int(m.st.Survivors), int(msg.InputIndex), m.st.InputsRoot, leaf); err != nil {
		return refuse(F13SurvivorsLie, "this device is among the survivors, and its vector is not in inputs_root: %v", err)
	}
	return nil
}

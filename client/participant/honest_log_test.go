package participant

import (
	"fmt"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// The log of the honest coordinator, and the witnesses that sign its heads.

func (h *honest) seal(r audit.Record) uint64 {
	h.t.Helper()
	entry, err := audit.Seal(h.sealKey, r)
	h.must(err)
	h.entries = append(h.entries, entry)
	return h.log.Append(entry)
}

func (h *honest) hash(i uint64) [32]byte { return audit.LeafHash(h.entries[i]) }

// prove shows entries, and that the log only grew.
func (h *honest) prove(indexes ...uint64) protocol.Evidence {
	h.t.Helper()
	size := h.log.Size()
	note := h.checkpoint(size)
	var err error
	ev := protocol.Evidence{Checkpoint: note, OldSize: h.seen}
	if h.seen > 0 && h.seen < size {
		ev.Consistency, err = h.log.Consistency(h.seen, size)
		h.must(err)
	}
	for _, i := range indexes {
		proof, err := h.log.Inclusion(i, size)
		h.must(err)
		ev.Entries = append(ev.Entries, protocol.Logged{Index: i, Entry: h.entries[i], Proof: proof})
	}
	h.seen = size
	if h.hooks.evidence != nil {
		h.hooks.evidence(&ev)
	}
	return ev
}

// checkpoint is the head of a tree, cosigned by the witnesses if there are any.
func (h *honest) checkpoint(size uint64) []byte {
	h.t.Helper()
	note, err := audit.SignCheckpoint(testOrigin, h.logKey, size, h.log.Root(size))
	h.must(err)
	var lines [][]byte
	for i, key := range h.witnesses {
		line, err := audit.Cosign(h.policy.Witnesses[i].Name, key, note, uint64(h.now.Add(h.clocks[i]).Unix()))
		h.must(err)
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		note, err = audit.AddCosignatures(note, lines, h.policy)
		h.must(err)
	}
	if h.hooks.note != nil {
		note = h.hooks.note(note)
	}
	return note
}

// witness gives the log witnesses, of whom quorum are enough.
func (h *honest) witness(n, quorum int) {
	h.policy = audit.WitnessPolicy{Quorum: quorum}
	for i := range n {
		key := testKey(fmt.Sprintf("witness %d", i))
		h.witnesses = append(h.witnesses, key)
		h.policy.Witnesses = append(h.policy.Witnesses, audit.Witness{Name: fmt.Sprintf("witness-%d", i), Key: public(key)})
		h.clocks = append(h.clocks, 0)
	}
}

func (h *honest) span(from, to uint64) []uint64 {
	var out []uint64
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

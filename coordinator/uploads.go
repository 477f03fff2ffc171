package coordinator

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// upload is how far one device's vector has come. It is rebuilt from the store's chunks after a crash.
type upload struct {
	offset uint64
	hash   hash.Hash // over the bytes so far
}

// chunk takes one piece of a masked vector: checked against the announced hashes, written in this batch, acknowledged
// after it is durable. The last one completes the vector.
func (c *Coordinator) chunk(now time.Time, p *peer, msg *protocol.Chunk, b *batch) error {
	if c.machine == nil || c.machine.SID(p.id) != msg.SID {
		return nil // the round is over; the device has heard how it ended
	}
	header, u := c.machine.Header(p.id), c.uploads[p.id]
	if header == nil || u == nil {
		b.hangUp(p, protocol.CodeUnexpected, "a chunk came before its input header")
		return nil
	}
	if err := u.check(header, msg); err != nil {
		b.hangUp(p, protocol.CodeMalformed, err.Error())
		return nil
	}
	if msg.Offset < u.offset {
		b.ids[p.id] = true // had it already: say so again, whatever the phase
		return nil
	}
	if c.machine.Phase() != round.Inputs {
		b.hangUp(p, protocol.CodeLate, "phase inputs is closed; the rest of the vector is not wanted")
		return nil
	}
	b.Chunks = append(b.Chunks, ChunkRow{Round: c.row.Round, ID: p.id, Offset: msg.Offset, Data: msg.Data})
	u.hash.Write(msg.Data)
	u.offset += uint64(len(msg.Data))
	if u.offset < header.Length {
		b.ids[p.id] = true
		return nil
	}
	return c.step(now, round.Event{Kind: round.Uploaded, From: p.id, Hash: [32]byte(u.hash.Sum(nil))}, b)
}

// check wants the next chunk, whole and as announced, or one that is durable already.
func (u *upload) check(h *protocol.Input, msg *protocol.Chunk) error {
	if msg.Offset > u.offset {
		return fmt.Errorf("chunk at offset %d, the next one wanted is at %d", msg.Offset, u.offset)
	}
	if msg.Offset%protocol.ChunkSize != 0 || msg.Offset >= h.Length {
		return fmt.Errorf("chunk at offset %d of a vector of %d bytes in chunks of %d", msg.Offset, h.Length, protocol.ChunkSize)
	}
	if want := min(protocol.ChunkSize, h.Length-msg.Offset); uint64(len(msg.Data)) != want {
		return fmt.Errorf("chunk at offset %d has %d bytes, want %d", msg.Offset, len(msg.Data), want)
	}
	if sha256.Sum256(msg.Data) != h.Chunks[msg.Offset/protocol.ChunkSize] {
		return fmt.Errorf("chunk at offset %d does not hash to what its header announced", msg.Offset)
	}
	return nil
}

// acknowledge tells a device how much of its vector is durable.
func (c *Coordinator) acknowledge(id [32]byte) {
	if c.machine != nil {
		c.send(round.Send{To: id, Msg: &protocol.InputState{SID: c.machine.SID(id)}})
	}
}

// sizeOf is about how many bytes a shares message has, the one that grows with the neighbours.
func sizeOf(m *protocol.Shares) int {
	return 80*len(m.Sealed) + protocol.CiphertextSize*(len(m.ShareCTs)+len(m.MaskCTs))
}

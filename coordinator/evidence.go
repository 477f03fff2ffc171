package coordinator

import (
	"fmt"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// send queues one message, with the evidence it needs and the offset it asks for.
func (c *Coordinator) send(s round.Send) {
	p := c.peers[s.To]
	if p == nil {
		return // it will be told again when it reconnects
	}
	msg := s.Msg
	if state, ok := msg.(*protocol.InputState); ok {
		if u := c.uploads[s.To]; u != nil {
			msg = &protocol.InputState{SID: state.SID, Offset: u.offset}
		}
	}
	if s.Prove != nil {
		ev, err := c.evidence(p, s.Prove)
		if err != nil {
			p.queue(&protocol.HangUp{Code: protocol.CodeInternal, Detail: err.Error()})
			return
		}
		msg = protocol.WithEvidence(msg, ev)
	}
	p.queue(msg)
}

// evidence proves entries in the newest checkpoint, and that this checkpoint extends the one the device saw last.
func (c *Coordinator) evidence(p *peer, indexes []uint64) (protocol.Evidence, error) {
	size := c.log.Size()
	ev := protocol.Evidence{Checkpoint: c.checkpoint, OldSize: p.treeSize}
	if p.treeSize > 0 && p.treeSize < size {
		proof, err := c.log.Consistency(p.treeSize, size)
		if err != nil {
			return ev, fmt.Errorf("prove the log to a device: %w", err)
		}
		ev.Consistency = proof
	}
	for _, i := range indexes {
		proof, err := c.log.Inclusion(i, size)
		if err != nil {
			return ev, fmt.Errorf("prove log entry %d: %w", i, err)
		}
		ev.Entries = append(ev.Entries, protocol.Logged{Index: i, Entry: c.entries[i], Proof: proof})
	}
	if p.treeSize <= size {
		p.treeSize = size
	}
	return ev, nil
}

// publishLog derives the public files from the entries: tiles first, the checkpoint that vouches for them last.
func (c *Coordinator) publishLog(from uint64) error {
	size := c.log.Size()
	files, err := audit.Tiles(c.entries, from, size, c.log)
	if err != nil {
		return fmt.Errorf("derive log tiles: %w", err)
	}
	for _, f := range files {
		if err := c.cfg.LogDir.Write(f.Path, f.Data); err != nil {
			return fmt.Errorf("write log tile: %w", err)
		}
	}
	note, err := audit.SignCheckpoint(c.cfg.LogOrigin, c.cfg.LogKey, size, c.log.Root(size))
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	if err := c.cfg.LogDir.Write("checkpoint", note); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	c.checkpoint = note
	for _, name := range audit.StaleTiles(from, size) {
		if err := c.cfg.LogDir.Remove(name); err != nil {
			return fmt.Errorf("remove outgrown log tile: %w", err)
		}
	}
	return nil
}

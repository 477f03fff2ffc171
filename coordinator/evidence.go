package coordinator

import (
	"fmt"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// send tells a device something. A message that the witnesses must have seen first waits until a cosigned checkpoint covers what it
// proves, and whatever comes after it for this device waits behind it. A hang-up does not wait unless it is meant to, and nothing comes after it.
func (c *Coordinator) send(s round.Send) {
	p := c.peers[s.To]
	if p == nil {
		return // it will be told again when it reconnects
	}
	if _, ok := s.Msg.(*protocol.HangUp); ok && !s.Last {
		p.held = nil
		p.queue(s.Msg)
		return
	}
	if len(p.held) >= maxHeld {
		p.drop(errHeld)
		return
	}
	p.held = append(p.held, s)
	c.release(p)
}

// release sends what need not wait any longer.
func (c *Coordinator) release(p *peer) {
	for len(p.held) > 0 && c.mayShow(p, p.held[0].Prove) {
		next := p.held[0]
		p.held = p.held[1:]
		c.deliver(p, next)
	}
}

// mayShow reports whether evidence for these entries may be given to a device now. Without witnesses the checkpoint covers the
// whole log whenever something is sent.
func (c *Coordinator) mayShow(p *peer, prove []uint64) bool {
	if prove == nil {
		return true
	}
	for _, i := range prove {
		if i >= c.shown {
			return false
		}
	}
	// A device that saw more than the witnesses have, in a time without witnesses, is shown no older tree.
	return c.checkpoint != nil && (p.treeSize <= c.shown || p.treeSize > c.log.Size())
}

// deliver queues one message, with the evidence it needs and the offset it asks for.
func (c *Coordinator) deliver(p *peer, s round.Send) {
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
	if s.Seed != nil {
		if err := c.proveSeed(msg, s.Seed); err != nil {
			p.queue(&protocol.HangUp{Code: protocol.CodeInternal, Detail: err.Error()})
			return
		}
	}
	p.queue(msg)
}

// proveSeed puts the proof into a Roster that its entry lies in the tree whose cosignatures drew the graph. WithEvidence has made
// the message this device's own.
func (c *Coordinator) proveSeed(msg protocol.Message, seed *round.Seed) error {
	proof, err := c.log.Inclusion(seed.Index, seed.Size)
	if err != nil {
		return fmt.Errorf("prove the roster that drew the graph: %w", err)
	}
	if r, ok := msg.(*protocol.Roster); ok {
		r.SeedProof = proof
	}
	return nil
}

// evidence proves entries in the newest checkpoint that may be shown, and that this checkpoint extends the one the device saw last.
func (c *Coordinator) evidence(p *peer, indexes []uint64) (protocol.Evidence, error) {
	size := c.shown
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

// publishLog makes everything that is in the log public. Where there are witnesses, they come first.
func (c *Coordinator) publishLog() error {
	if c.witnessed() {
		return nil
	}
	size := c.log.Size()
	note, err := audit.SignCheckpoint(c.cfg.LogOrigin, c.cfg.LogKey, size, c.log.Root(size))
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	return c.publish(size, note)
}

// publish derives the public files of the first size entries: tiles first, the checkpoint that vouches for them last. It is durable
// when publish returns, so that whatever a device is shown can be read in the public log, after a crash too.
func (c *Coordinator) publish(size uint64, note []byte) error {
	if err := c.writeTiles(c.public, size); err != nil {
		return err
	}
	if err := c.cfg.LogDir.Write("checkpoint", note); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	old := c.public
	c.checkpoint, c.shown, c.public = note, size, size
	for _, name := range audit.StaleTiles(old, size) {
		if err := c.cfg.LogDir.Remove(name); err != nil {
			return fmt.Errorf("remove outgrown log tile: %w", err)
		}
	}
	c.tellLogged()
	return nil
}

func (c *Coordinator) writeTiles(from, size uint64) error {
	files, err := audit.Tiles(c.entries, from, size, c.log)
	if err != nil {
		return fmt.Errorf("derive log tiles: %w", err)
	}
	for _, f := range files {
		if err := c.cfg.LogDir.Write(f.Path, f.Data); err != nil {
			return fmt.Errorf("write log tile: %w", err)
		}
	}
	return nil
}

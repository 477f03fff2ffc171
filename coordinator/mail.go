package coordinator

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// mail is what connections tell the loop.
type mail struct {
	from  *peer
	hello *protocol.Hello  // the connection is up
	msg   protocol.Message // it sent this
	gone  bool             // it is over
}

// handle takes one mail into the batch.
func (c *Coordinator) handle(ctx context.Context, m mail, b *batch) error {
	now, p := c.cfg.Now(), m.from
	switch {
	case m.hello != nil:
		return c.joined(ctx, now, p, m.hello, b)
	case m.gone:
		p.drop(nil)
		if c.peers[p.id] != p {
			return nil // replaced by a newer connection
		}
		delete(c.peers, p.id)
		return c.step(now, round.Event{Kind: round.Disconnected, From: p.id}, b)
	case c.peers[p.id] != p:
		return nil
	}
	switch msg := m.msg.(type) {
	case *protocol.Chunk:
		return c.chunk(now, p, msg, b)
	case *protocol.Advertise, *protocol.Shares, *protocol.Input, *protocol.Confirm, *protocol.Reveal:
		return c.message(ctx, now, p, msg, b)
	case *protocol.HangUp:
		return nil
	case *protocol.Hello:
		b.hangUp(p, protocol.CodeUnexpected, "hello was said before")
	default: // nothing of it is journaled
		b.hangUp(p, protocol.CodeUnexpected, fmt.Sprintf("a device does not send %v", msg.Type()))
	}
	return nil
}

// message gives the machine one of the messages that carry a round.
func (c *Coordinator) message(ctx context.Context, now time.Time, p *peer, msg protocol.Message, b *batch) error {
	if c.machine == nil {
		return nil // the round is over; the device has heard how it ended
	}
	if c.tired(p.id) {
		b.busy(p)
		return nil
	}
	if a, ok := msg.(*protocol.Advertise); ok {
		if may, err := c.mayAdvertise(ctx, p, a, b); !may || err != nil {
			return err
		}
	}
	fresh := c.machine.Header(p.id) == nil
	err := c.step(now, round.Event{Kind: round.Message, From: p.id, Msg: msg}, b)
	if h := c.machine.Header(p.id); fresh && h != nil {
		b.Headers = append(b.Headers, HeaderRow{ID: p.id, Header: h.Append(nil)})
		c.uploads[p.id] = &upload{hash: sha256.New()}
	}
	return err
}

// joined welcomes a device, tells it how an earlier round of its ended, and tells the machine.
func (c *Coordinator) joined(ctx context.Context, now time.Time, p *peer, hello *protocol.Hello, b *batch) error {
	if c.tired(p.id) {
		b.busy(p)
		return nil
	}
	if old := c.peers[p.id]; old != nil {
		old.drop(errNewer) // not through its queue: what it does not read must not last
		if err := c.step(now, round.Event{Kind: round.Disconnected, From: p.id}, b); err != nil {
			return err
		}
	}
	c.peers[p.id] = p
	header, err := c.store.LastHeader(ctx, p.id)
	if err != nil {
		return err
	}
	welcome := &protocol.Welcome{LastHeader: header}
	if c.machine != nil {
		welcome.Round = c.row.Round
	}
	b.sends = append(b.sends, round.Send{To: p.id, Msg: welcome, Prove: []uint64{}})
	if hello.Round != 0 && (c.machine == nil || hello.OpenHash != c.row.OpenHash) {
		if err := c.farewell(ctx, p, hello, b); err != nil {
			return err
		}
	}
	return c.invite(ctx, now, p, b)
}

// farewell tells a late device how its round ended.
func (c *Coordinator) farewell(ctx context.Context, p *peer, hello *protocol.Hello, b *batch) error {
	ended, err := c.store.Members(ctx, hello.OpenHash)
	if err != nil || ended == nil {
		return err
	}
	msg := &protocol.Close{OpenHash: hello.OpenHash}
	if leaf, path := round.InputProof(ended.Members, p.id); leaf >= 0 {
		msg.InputIndex, msg.InputProof = uint32(leaf), path
	}
	b.sends = append(b.sends, round.Send{To: p.id, Msg: msg, Prove: []uint64{ended.Index}})
	return nil
}

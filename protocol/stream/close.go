package stream

import (
	"context"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Close sends the hang-up behind everything sent before, gives it up to a second to arrive, and ends the connection with its code. A hang-up
// that Send has sent already counts as this one.
func (c *Conn) Close(code protocol.Code, detail string) error {
	first := false
	c.once.Do(func() { first = true; close(c.closed) })
	if first && c.link.Context().Err() == nil {
		c.stop(protocol.ErrClosed, func() { c.part(&protocol.HangUp{Code: code, Detail: detail}) })
	}
	<-c.link.Context().Done() // another Close, or End, may be on its way
	return nil
}

// End ends the connection and returns at once where the link has a word for it; a mute one is told in a hang-up, which takes up to a second.
// From now on calls of this side answer why.
func (c *Conn) End(code protocol.Code, detail string, why error) {
	c.stop(why, func() {
		if c.e.Mute {
			go c.part(&protocol.HangUp{Code: code, Detail: detail, RetryAfter: RetryAfter(code)})
			return
		}
		c.link.End(code, detail)
	})
}

// Context ends when the connection has.
func (c *Conn) Context() context.Context { return c.link.Context() }

// stop runs how once, with why as the word of this side's calls from now on.
func (c *Conn) stop(why error, how func()) {
	c.ending.Do(func() {
		c.cause = why
		close(c.over)
		how()
	})
}

// part says goodbye and ends the connection.
func (c *Conn) part(last *protocol.HangUp) {
	ctx, cancel := context.WithTimeout(context.Background(), c.e.Limits.Linger)
	defer cancel()
	last = c.farewell(ctx, last)
	c.link.End(last.Code, last.Detail)
}

// farewell writes the hang-up and waits until the peer has ended the connection, which it does on reading it, or until ctx ends. It gives
// what the connection ends with.
func (c *Conn) farewell(ctx context.Context, last *protocol.HangUp) *protocol.HangUp {
	select {
	case <-c.ready:
	default:
		return last // the peer has never spoken: the link's end must do
	}
	select {
	case c.send <- struct{}{}: // and never left: nothing follows a hang-up
	case <-ctx.Done():
		return last // a sender is stuck: the peer does not read
	}
	if c.cut {
		return last
	}
	if c.said == nil {
		c.said = last
		if frame, err := protocol.AppendFrame(nil, c.said); err != nil || c.write(ctx, frame) != nil {
			return last
		}
	}
	defer onEnd(ctx, func() { _ = c.bytes.SetWriteDeadline(time.Unix(1, 0)) })()
	_ = c.bytes.Close()
	c.drain(ctx)
	return c.said
}

// RetryAfter is for how many seconds a peer should stay away that is told nothing more exact.
func RetryAfter(code protocol.Code) uint32 {
	if code == protocol.CodeBusy {
		return BusyRetry
	}
	return 0
}

// drain throws away what the peer still sends. It ends when the peer closes, or has hung up too, or when ctx ends.
func (c *Conn) drain(ctx context.Context) {
	defer onEnd(ctx, func() { _ = c.bytes.SetReadDeadline(time.Unix(1, 0)) })()
	_ = c.bytes.SetReadDeadline(time.Unix(1, 0)) // wakes a Recv, which finds the connection closed
	select {
	case c.recv <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer leave(c.recv)
	_ = c.bytes.SetReadDeadline(time.Time{})
	if ctx.Err() != nil {
		return
	}
	buf := make([]byte, 4<<10)
	for {
		if _, err := c.bytes.Read(buf); err != nil {
			return
		}
	}
}

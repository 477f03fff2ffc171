package quic

import (
	"context"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Close sends the hang-up behind everything sent before, gives it up to a second to arrive, and ends the connection with its code. A hang-up
// that Send has sent already counts as this one.
func (c *conn) Close(code protocol.Code, detail string) error {
	first := false
	c.once.Do(func() { first = true; close(c.closed) })
	if !first {
		<-c.qc.Context().Done() // the first Close is on its way
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), linger)
	defer cancel()
	if c.qc.Context().Err() == nil {
		code, detail = c.farewell(ctx, code, detail)
	}
	c.end(code, detail, protocol.ErrClosed)
	return nil
}

// farewell writes the hang-up and waits until the peer has ended the connection, which it does on reading it, or until ctx ends.
func (c *conn) farewell(ctx context.Context, code protocol.Code, detail string) (protocol.Code, string) {
	select {
	case <-c.ready:
	default:
		return code, detail // the peer has never spoken: the close frame must do
	}
	select {
	case c.send <- struct{}{}:
	case <-ctx.Done():
		return code, detail // a sender is stuck: the peer does not read
	}
	if c.said == nil {
		c.said = &protocol.HangUp{Code: code, Detail: detail}
		if frame, err := protocol.AppendFrame(nil, c.said); err != nil || c.write(ctx, frame) != nil {
			return code, detail
		}
	}
	_ = c.stream.Close()
	c.drain(ctx)
	return c.said.Code, c.said.Detail
}

// drain throws away what the peer still sends. It ends when the peer closes, or has hung up too, or when ctx ends.
func (c *conn) drain(ctx context.Context) {
	defer onEnd(ctx, func() { _ = c.stream.SetReadDeadline(time.Unix(1, 0)) })()
	_ = c.stream.SetReadDeadline(time.Unix(1, 0)) // wakes a Recv, which finds the connection closed
	select {
	case c.recv <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer leave(c.recv)
	_ = c.stream.SetReadDeadline(time.Time{})
	if ctx.Err() != nil {
		return
	}
	buf := make([]byte, 4<<10)
	for {
		if _, err := c.stream.Read(buf); err != nil {
			return
		}
	}
}

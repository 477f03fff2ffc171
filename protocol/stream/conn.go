package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Bytes is the stream itself. Close ends this side's direction. What Write returns may no longer be taken back; a transport that cannot
// tell says 1 for a write that was begun.
type Bytes interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// Link is the connection under the stream.
type Link interface {
	Context() context.Context              // ends with the connection; its cause says why
	End(code protocol.Code, detail string) // ends the connection at once; again, it does nothing
	Explain(err error) error               // what an error of the stream or the connection means, as one of protocol's
}

// Conn is one connection and implements protocol.Conn.
type Conn struct {
	e    *Endpoint
	link Link
	peer protocol.Cert

	ready  chan struct{}   // closed once bytes is set
	bytes  Bytes           // the one stream of the connection
	closed chan struct{}   // closed by the first Close
	once   sync.Once       // guards closed
	over   chan struct{}   // closed once cause is set
	ending sync.Once       // guards over
	cause  error           // why this side ended the connection
	send   chan struct{}   // full while a sender is at work
	recv   chan struct{}   // full while a receiver is at work; guards reader, lease, pace
	reader protocol.Reader // frames of bytes
	lease  lease
	pace   pace

	said *protocol.HangUp // the hang-up that went out; guarded by send
	cut  bool             // a part of a frame went out and no more can follow; guarded by send
}

// New is a connection over link with a peer that was authenticated.
func New(e *Endpoint, link Link, peer protocol.Cert) *Conn {
	c := &Conn{e: e, link: link, peer: peer, ready: make(chan struct{}), closed: make(chan struct{}), over: make(chan struct{}),
		send: make(chan struct{}, 1), recv: make(chan struct{}, 1)}
	c.lease.memory, c.lease.wait, c.lease.over = e.Memory, e.Limits.MemoryWait, link.Context().Done()
	c.pace.conn = c
	c.reader = protocol.Reader{R: &c.pace, Budget: &c.lease}
	context.AfterFunc(link.Context(), c.forget)
	return c
}

// Open gives the connection its stream, once. The accepting side holds its peer to a time for the first frame; a device may wait long for
// the coordinator's word.
func (c *Conn) Open(b Bytes, accepted bool) {
	c.bytes = b
	c.pace.first = accepted
	close(c.ready)
}

// forget gives back what a connection held when it ended; a Recv under way ends with it.
func (c *Conn) forget() {
	c.recv <- struct{}{}
	defer leave(c.recv)
	c.reader.Drop()
	c.lease.release()
}

// Peer is the other side's certificate.
func (c *Conn) Peer() protocol.Cert { return c.peer }

// Send writes one frame, waiting for other senders and for the peer's window.
func (c *Conn) Send(ctx context.Context, m protocol.Message) error {
	buf, err := c.e.encode(m)
	defer c.e.recycle(buf)
	if err != nil {
		return err
	}
	if err := c.enter(ctx, c.send); err != nil {
		return fmt.Errorf("send %v: %w", m.Type(), err)
	}
	defer leave(c.send)
	if c.said != nil {
		return fmt.Errorf("send %v: %w", m.Type(), protocol.ErrClosed)
	}
	if err := c.write(ctx, *buf); err != nil {
		return fmt.Errorf("send %v: %w", m.Type(), err)
	}
	if h, ok := m.(*protocol.HangUp); ok {
		c.said = h
	}
	return nil
}

// write sends a whole frame; the caller is the only sender. When ctx ends within the frame the stream is of no more use.
func (c *Conn) write(ctx context.Context, frame []byte) error {
	for rest := frame; len(rest) > 0; {
		n, err := c.writePiece(ctx, rest[:min(len(rest), piece)])
		rest = rest[n:]
		if err == nil {
			continue
		}
		c.cut = len(rest) < len(frame)
		err = because(ctx, err)
		switch {
		case timedOut(err):
			err = fmt.Errorf("%w: the peer took no bytes for %v", protocol.ErrLost, c.e.Limits.Stall)
			c.End(protocol.CodeTimeout, "frames must be read at 1 KiB/s or faster", err)
		case errors.Is(ctx.Err(), context.Canceled) && c.cut: // this side gives up, as it does when it stops: the peer was not slow
			c.End(protocol.CodeShutdown, "a frame was cut short", err)
		case ctx.Err() != nil && c.cut:
			c.End(protocol.CodeTimeout, "a frame was cut short", err)
		}
		return c.reason(err)
	}
	return nil
}

// writePiece waits for the peer's window, until ctx ends or for Stall at most.
func (c *Conn) writePiece(ctx context.Context, b []byte) (int, error) {
	if err := c.bytes.SetWriteDeadline(time.Now().Add(c.e.Limits.Stall)); err != nil {
		return 0, err
	}
	defer onEnd(ctx, func() { _ = c.bytes.SetWriteDeadline(time.Unix(1, 0)) })()
	return c.bytes.Write(b)
}

// Recv reads one frame.
func (c *Conn) Recv(ctx context.Context) (protocol.Message, error) {
	if err := c.enter(ctx, c.recv); err != nil {
		return nil, word(err)
	}
	defer leave(c.recv)
	c.lease.release()
	c.lease.ctx, c.pace.ctx = ctx, ctx
	c.pace.restart()
	m, err := c.reader.Next()
	if err != nil {
		return nil, word(c.failed(ctx, err))
	}
	c.pace.first, c.lease.handed = false, c.reader.Size()
	h, ok := m.(*protocol.HangUp)
	if !ok {
		return m, nil
	}
	hung := &protocol.HangUpError{Code: h.Code, Detail: h.Detail, RetryAfter: h.RetryAfter}
	c.stop(hung, func() { c.link.End(h.Code, "") })
	return nil, word(c.reason(hung))
}

// word adds what was being done, except to a hang-up, which speaks for itself.
func word(err error) error {
	var hung *protocol.HangUpError
	if errors.As(err, &hung) {
		return hung
	}
	return fmt.Errorf("receive: %w", err)
}

// failed sorts an error of the reader: an ended context leaves the connection as it is, anything else ends it.
func (c *Conn) failed(ctx context.Context, err error) error {
	select {
	case <-c.closed:
		return protocol.ErrClosed
	case <-c.over:
		return c.cause
	default:
	}
	if e := because(ctx, err); ctx.Err() != nil && errors.Is(e, ctx.Err()) {
		return e
	}
	c.reader.Drop()
	switch code := protocol.CodeOf(err); {
	case timedOut(err):
		err = fmt.Errorf("%w: a frame came slower than 1 KiB/s", protocol.ErrLost)
		c.End(protocol.CodeTimeout, "frames must come at 1 KiB/s or faster, the first within 5 s", err)
	case errors.Is(err, ErrNoMemory):
		c.End(protocol.CodeBusy, "no memory is free for a message of this size; try again in a minute", err)
	case code != protocol.CodeInternal:
		c.End(code, err.Error(), err)
	case c.e.Mute:
		err = c.link.Explain(err)
		c.stop(err, func() { c.link.End(protocol.CodeOK, "") })
	}
	return c.reason(err)
}

// enter takes a lock of the connection, once it has its stream.
func (c *Conn) enter(ctx context.Context, lock chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.wait(ctx, c.ready, nil); err != nil {
		return err
	}
	if err := c.wait(ctx, nil, lock); err != nil {
		return err
	}
	select {
	case <-c.over: // wait may have found both at once
		leave(lock)
		return c.reason(nil)
	default:
		return nil
	}
}

// wait returns once done is closed or lock is taken, whichever is given, or says why that will not happen.
func (c *Conn) wait(ctx context.Context, done <-chan struct{}, lock chan<- struct{}) error {
	select {
	case <-done:
		return nil
	case lock <- struct{}{}:
		return nil
	case <-c.closed:
		return protocol.ErrClosed
	case <-c.over:
		return c.reason(nil)
	case <-c.link.Context().Done():
		return c.reason(context.Cause(c.link.Context()))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func leave(lock chan struct{}) { <-lock }

// reason is why the connection ended: the first reason if there is one, otherwise what err means.
func (c *Conn) reason(err error) error {
	select {
	case <-c.closed:
		return protocol.ErrClosed
	default:
	}
	select {
	case <-c.over:
		return c.cause
	default:
		return c.link.Explain(err)
	}
}

// onEnd calls f when ctx ends. The function it returns undoes that, and after it f no longer runs.
func onEnd(ctx context.Context, f func()) func() {
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { f(); close(ran) })
	return func() {
		if !stop() {
			<-ran
		}
	}
}

// timedOut says whether err comes from a stream deadline, not from the connection's idle timer.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// because prefers the context's word when a deadline was moved for its sake.
func because(ctx context.Context, err error) error {
	if timedOut(err) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

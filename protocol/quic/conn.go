package quic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
)

// conn is one connection and implements protocol.Conn.
type conn struct {
	e    *endpoint
	qc   *quicgo.Conn
	peer protocol.Cert

	ready  chan struct{}   // closed once stream is set
	stream *quicgo.Stream  // the one stream of the connection
	closed chan struct{}   // closed by the first Close
	once   sync.Once       // guards closed
	cause  chan error      // holds the first reason why the connection ended, once there is one
	send   chan struct{}   // full while a sender is at work
	recv   chan struct{}   // full while a receiver is at work; guards reader, lease, pace
	reader protocol.Reader // frames of stream
	lease  lease
	pace   pace

	said *protocol.HangUp // the hang-up that went out; guarded by send
}

func newConn(e *endpoint, qc *quicgo.Conn) (*conn, error) {
	cert, err := peerCert(qc.ConnectionState().TLS) // VerifyConnection has accepted it
	if err != nil {
		return nil, err
	}
	c := &conn{e: e, qc: qc, peer: cert, ready: make(chan struct{}), closed: make(chan struct{}), cause: make(chan error, 1),
		send: make(chan struct{}, 1), recv: make(chan struct{}, 1)}
	c.lease.memory, c.lease.over = e.memory, qc.Context().Done()
	c.pace.conn = c
	c.reader = protocol.Reader{R: &c.pace, Budget: &c.lease}
	context.AfterFunc(qc.Context(), c.forget)
	return c, nil
}

// opened makes the stream known.
func (c *conn) opened(s *quicgo.Stream) {
	c.stream = s
	c.pace.first = true
	close(c.ready)
}

// forget gives back what a connection held when it ended; a Recv under way ends with it.
func (c *conn) forget() {
	c.recv <- struct{}{}
	defer leave(c.recv)
	c.reader.Drop()
	c.lease.release()
}

// Peer is the other side's certificate.
func (c *conn) Peer() protocol.Cert { return c.peer }

// Send writes one frame, waiting for other senders and for the peer's window.
func (c *conn) Send(ctx context.Context, m protocol.Message) error {
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
func (c *conn) write(ctx context.Context, frame []byte) error {
	for rest := frame; len(rest) > 0; {
		n, err := c.writePiece(ctx, rest[:min(len(rest), piece)])
		rest = rest[n:]
		if err == nil {
			continue
		}
		err = because(ctx, err)
		switch {
		case timedOut(err):
			err = fmt.Errorf("%w: the peer took no bytes for %v", protocol.ErrLost, time.Duration(stall))
			c.end(protocol.CodeTimeout, "frames must be read at 1 KiB/s or faster", err)
		case ctx.Err() != nil && len(rest) < len(frame):
			c.end(protocol.CodeTimeout, "a frame was cut short", err)
		}
		return c.reason(err)
	}
	return nil
}

// writePiece waits for the peer's window, until ctx ends or for stall at most.
func (c *conn) writePiece(ctx context.Context, b []byte) (int, error) {
	if err := c.stream.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	defer onEnd(ctx, func() { _ = c.stream.SetWriteDeadline(time.Unix(1, 0)) })()
	return c.stream.Write(b)
}

// Recv reads one frame.
func (c *conn) Recv(ctx context.Context) (protocol.Message, error) {
	if err := c.enter(ctx, c.recv); err != nil {
		return nil, c.word(err)
	}
	defer leave(c.recv)
	c.lease.release()
	c.lease.ctx, c.pace.ctx = ctx, ctx
	c.pace.restart()
	m, err := c.reader.Next()
	if err != nil {
		return nil, c.word(c.failed(ctx, err))
	}
	c.pace.first, c.lease.handed = false, c.reader.Size()
	h, ok := m.(*protocol.HangUp)
	if !ok {
		return m, nil
	}
	hung := &protocol.HangUpError{Code: h.Code, Detail: h.Detail, RetryAfter: h.RetryAfter}
	c.end(h.Code, "", hung)
	return nil, c.word(c.reason(hung))
}

// word adds what was being done, except to a hang-up, which speaks for itself.
func (c *conn) word(err error) error {
	var hung *protocol.HangUpError
	if errors.As(err, &hung) {
		return hung
	}
	return fmt.Errorf("receive: %w", err)
}

// failed sorts an error of the reader: an ended context leaves the connection as it is, anything else ends it.
func (c *conn) failed(ctx context.Context, err error) error {
	select {
	case <-c.closed:
		return protocol.ErrClosed
	default:
	}
	if e := because(ctx, err); ctx.Err() != nil && errors.Is(e, ctx.Err()) {
		return e
	}
	c.reader.Drop()
	switch code := protocol.CodeOf(err); {
	case timedOut(err):
		err = fmt.Errorf("%w: a frame came slower than 1 KiB/s", protocol.ErrLost)
		c.end(protocol.CodeTimeout, "frames must come at 1 KiB/s or faster, the first within 5 s", err)
	case errors.Is(err, errNoMemory):
		c.end(protocol.CodeBusy, "no memory is free for a message of this size; try again in a minute", err)
	case code != protocol.CodeInternal:
		c.end(code, err.Error(), err)
	}
	return c.reason(err)
}

// enter takes a lock of the connection, once it has its stream.
func (c *conn) enter(ctx context.Context, lock chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.wait(ctx, c.ready, nil); err != nil {
		return err
	}
	return c.wait(ctx, nil, lock)
}

// wait returns once done is closed or lock is taken, whichever is given, or says why that will not happen.
func (c *conn) wait(ctx context.Context, done <-chan struct{}, lock chan<- struct{}) error {
	select {
	case <-done:
		return nil
	case lock <- struct{}{}:
		return nil
	case <-c.closed:
		return protocol.ErrClosed
	case <-c.qc.Context().Done():
		return c.reason(context.Cause(c.qc.Context()))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func leave(lock chan struct{}) { <-lock }

// end closes the QUIC connection; why is what this side's calls answer from now on.
func (c *conn) end(code protocol.Code, detail string, why error) {
	select {
	case c.cause <- why:
	default: // it had ended before
	}
	_ = c.qc.CloseWithError(quicgo.ApplicationErrorCode(code), clip(detail))
}

// reason is why the connection ended: the first reason if there is one, otherwise what err means.
func (c *conn) reason(err error) error {
	select {
	case <-c.closed:
		return protocol.ErrClosed
	default:
	}
	select {
	case first := <-c.cause:
		c.cause <- first
		return first
	default:
		return c.e.explain(err)
	}
}

// clip keeps a close reason well within one packet.
func clip(s string) string {
	const most = 512
	if len(s) <= most {
		return s
	}
	return s[:most]
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

func (e *endpoint) encode(m protocol.Message) (*[]byte, error) {
	buf, ok := e.frames.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	b, err := protocol.AppendFrame((*buf)[:0], m)
	*buf = b
	return buf, err
}

// recycle keeps buffers of up to a chunk's size; the rare bundle is left to the collector.
func (e *endpoint) recycle(buf *[]byte) {
	if cap(*buf) <= 2*protocol.ChunkSize {
		e.frames.Put(buf)
	}
}

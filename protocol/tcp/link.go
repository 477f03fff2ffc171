package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
)

// link is the TCP connection under a stream.Conn. Its end has no words: the hang-up has said them.
type link struct {
	e   *endpoint
	raw net.Conn
	ctx context.Context
	end context.CancelFunc
}

func (e *endpoint) link(raw net.Conn) *link {
	l := &link{e: e, raw: raw}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// Context ends with the connection, as far as this side knows: a peer that vanishes is noticed by reading or writing.
func (l *link) Context() context.Context { return l.ctx }

// End closes the socket.
func (l *link) End(protocol.Code, string) {
	_ = l.raw.Close()
	l.end()
}

// Explain turns what the socket or TLS says into one of three: the peer refused us (*HangUpError), the connection is lost (ErrLost), or this
// side closed it (ErrClosed).
func (l *link) Explain(err error) error { return l.e.explain(err) }

func (e *endpoint) explain(err error) error {
	alert, alerted := remoteAlert(err)
	switch {
	case alerted:
		return e.party.Alerted(alert)
	case errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		return protocol.ErrClosed
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: the peer ended the connection without a hang-up", protocol.ErrLost)
	case errors.Is(err, syscall.ETIMEDOUT):
		return fmt.Errorf("%w: the peer does not answer any more", protocol.ErrLost)
	default:
		return fmt.Errorf("%w: %w", protocol.ErrLost, err)
	}
}

// remoteAlert is the TLS alert that the peer sent. crypto/tls gives its number only to QUIC; to others it gives the alert's name.
func remoteAlert(err error) (tls.AlertError, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	for a := range 256 {
		if alert := tls.AlertError(a); alert.Error() == op.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

// bytes is the TLS connection as a stream.
type bytes struct{ *tls.Conn }

var _ stream.Bytes = bytes{}

// Write writes records. A record that was begun and not finished cannot be taken back: TLS writes no more after it.
func (b bytes) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p)
	if err != nil {
		n = max(n, min(1, len(p)))
	}
	return n, err
}

// Close sends TLS's close_notify, and the socket goes on reading.
func (b bytes) Close() error { return b.CloseWrite() }

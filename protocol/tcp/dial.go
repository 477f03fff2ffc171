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
	"github.com/cinesync/cinesync/protocol/tlsid"
)

// Dial connects to the listener at addr, "host:port". The peer's certificate is verified when it returns; whether the peer accepts this side's
// certificate shows in the first Recv, as a *protocol.HangUpError with CodeUnauthorised or CodeExpired and what to do about it.
func Dial(ctx context.Context, addr string, cfg Config) (protocol.Conn, error) {
	e, err := newEndpoint(cfg)
	if err != nil {
		return nil, fmt.Errorf("dial %s over TCP: %w", addr, err)
	}
	limited, cancel := context.WithTimeout(ctx, e.cfg.handshake)
	defer cancel()
	c, err := e.dial(limited, addr)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case limited.Err() != nil:
		err = noAnswer()
	}
	return nil, fmt.Errorf("dial %s over TCP: %w", addr, err)
}

func (e *endpoint) dial(ctx context.Context, addr string) (*stream.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout, KeepAliveConfig: e.cfg.probes()}
	raw, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, connectError(err)
	}
	conf, err := e.party.Config()
	if err == nil {
		conf.VerifyConnection = e.party.Verify
		tc := tls.Client(raw, conf)
		if err = tc.HandshakeContext(ctx); err == nil {
			cert, _ := tlsid.PeerCert(tc.ConnectionState()) // VerifyConnection has accepted it
			return e.open(e.link(raw), tc, cert, false), nil
		}
		err = e.handshakeError(err)
	}
	_ = raw.Close()
	return nil, err
}

// open makes a connection of a finished handshake.
func (e *endpoint) open(l *link, tc *tls.Conn, cert protocol.Cert, accepted bool) *stream.Conn {
	c := stream.New(&e.stream, l, cert)
	c.Open(bytes{tc}, accepted)
	return c
}

func connectError(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens there; is the coordinator running, and does it listen on TCP", protocol.ErrLost)
	case errors.As(err, &timeout) && timeout.Timeout():
		return noAnswer()
	default:
		return err
	}
}

// handshakeError says what failed before the handshake was done; a certificate that this side refused keeps its typed error.
func (e *endpoint) handshakeError(err error) error {
	if code := protocol.CodeOf(err); code == protocol.CodeUnauthorised || code == protocol.CodeExpired || code == protocol.CodeMalformed {
		return fmt.Errorf("the peer's certificate is refused; check the address and the pinned keys: %w", err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%w: the peer closed before the handshake was done; if it is a coordinator, it has no room for a connection now", protocol.ErrLost)
	}
	return e.explain(err)
}

func noAnswer() error {
	return fmt.Errorf("%w: no answer; is the coordinator running, and does the path let TCP through", protocol.ErrLost)
}

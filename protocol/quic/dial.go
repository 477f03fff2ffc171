package quic

import (
	"context"
	"errors"
	"fmt"
	"net"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
)

// Dial connects to the listener at addr, "host:port". The peer's certificate is verified when it returns; whether the peer accepts this side's
// certificate shows in the first Recv, as a *protocol.HangUpError with CodeUnauthorised or CodeExpired and what to do about it.
func Dial(ctx context.Context, addr string, cfg Config) (protocol.Conn, error) {
	e, err := newEndpoint(cfg)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	to, err := resolve(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	own := &net.UDPAddr{}
	if to.IP.IsLoopback() {
		own.IP = to.IP // nobody else on the network needs to reach this socket
	}
	pc, err := net.ListenUDP("udp", own)
	if err != nil {
		return nil, fmt.Errorf("dial %s: open socket: %w", addr, err)
	}
	c, err := e.dial(ctx, pc, to)
	if err != nil {
		_ = pc.Close()
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	context.AfterFunc(c.qc.Context(), func() { _ = c.transport.Close(); _ = pc.Close() })
	return c, nil
}

// DialOn is Dial over a packet connection of the caller, such as one of a simulated network; it carries this connection only and stays
// the caller's to close.
func DialOn(ctx context.Context, pc net.PacketConn, to net.Addr, cfg Config) (protocol.Conn, error) {
	e, err := newEndpoint(cfg)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	c, err := e.dial(ctx, pc, to)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	context.AfterFunc(c.qc.Context(), func() { _ = c.transport.Close() })
	return c, nil
}

// dialled is a connection with the transport that it has to itself.
type dialled struct {
	*conn
	transport *quicgo.Transport
}

func (e *endpoint) dial(ctx context.Context, pc net.PacketConn, to net.Addr) (*dialled, error) {
	tlsConf, err := e.tlsConfig()
	if err != nil {
		return nil, err
	}
	conf := e.transport(keepAlive)
	conf.MaxIncomingStreams = -1 // the listening side opens none
	conf.InitialStreamReceiveWindow, conf.InitialConnectionReceiveWindow = 4*firstWindow, 4*firstWindow
	tr := &quicgo.Transport{Conn: pc}
	qc, err := tr.Dial(ctx, to, tlsConf, conf)
	if err != nil {
		_ = tr.Close()
		return nil, e.dialError(err)
	}
	c, err := newConn(e, qc)
	if err == nil {
		opening, cancel := context.WithTimeout(ctx, handshakeTimeout) // a listener grants the one stream in the handshake
		defer cancel()
		var s *quicgo.Stream
		if s, err = qc.OpenStreamSync(opening); err == nil {
			c.opened(s, false)
			return &dialled{conn: c, transport: tr}, nil
		}
		if err = e.explain(err); opening.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: the peer grants no stream", protocol.ErrLost)
		}
	}
	_ = qc.CloseWithError(quicgo.ApplicationErrorCode(protocol.CodeInternal), "")
	_ = tr.Close()
	return nil, err
}

// dialError says what failed before the handshake was done; a certificate that this side refused keeps its typed error.
func (e *endpoint) dialError(err error) error {
	if code := protocol.CodeOf(err); code == protocol.CodeUnauthorised || code == protocol.CodeExpired || code == protocol.CodeMalformed {
		return fmt.Errorf("the peer's certificate is refused; check the address and the pinned keys: %w", err)
	}
	var idle *quicgo.IdleTimeoutError // before the handshake is done, handshakeTimeout without a packet
	if errors.As(err, &idle) {
		return noAnswer()
	}
	return e.explain(err)
}

func resolve(ctx context.Context, addr string) (*net.UDPAddr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address must be host:port: %w", err)
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	return &net.UDPAddr{IP: ips[0].IP, Zone: ips[0].Zone, Port: n}, nil
}

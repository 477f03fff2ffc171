package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

// stopping is what peers are told when the listener closes.
const stopping = "the coordinator stops; reconnect later"

// Listener accepts connections on one TCP address.
type Listener struct {
	e    *endpoint
	net  net.Listener
	tls  *tls.Config
	gate *stream.Gate

	queue chan *stream.Conn
	ctx   context.Context // ends when Close is called
	stop  context.CancelFunc
	loops sync.WaitGroup // the accept loop, handshakes and last words
	once  sync.Once

	mu    sync.Mutex
	conns map[*stream.Conn]struct{} // everything alive, to end it with the listener
}

// Listen opens a TCP socket on addr, "host:port", and accepts connections from peers of the configured class.
func Listen(addr string, cfg Config) (*Listener, error) {
	e, err := newEndpoint(cfg)
	if err != nil {
		return nil, fmt.Errorf("listen on TCP %s: %w", addr, err)
	}
	conf, err := e.party.Config()
	if err != nil {
		return nil, fmt.Errorf("listen on TCP %s: %w", addr, err)
	}
	opening := net.ListenConfig{KeepAliveConfig: e.cfg.probes()}
	socket, err := opening.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on TCP %s: %s%w", addr, advice(err), err)
	}
	l := &Listener{e: e, net: socket, tls: conf, gate: stream.NewGate(e.cfg.MaxConns, e.cfg.MaxPerNetwork),
		queue: make(chan *stream.Conn, acceptQueue), conns: make(map[*stream.Conn]struct{})}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.loops.Go(l.loop)
	return l, nil
}

// advice says what to do about a socket that does not open, for the cases that a person can change.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "the TCP port is in use by another program; stop that program, choose another port, or port 0 for any free one: "
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address; choose one of its own, or leave the host empty for all of them: "
	case errors.Is(err, syscall.EACCES):
		return "the TCP port is reserved; choose one above 1023: "
	default:
		return ""
	}
}

// Addr is the address the listener has, with the port the system chose if it was asked to.
func (l *Listener) Addr() net.Addr { return l.net.Addr() }

// Accept returns the next connection. Its peer is authenticated but has perhaps not spoken yet; it must within 5 s.
func (l *Listener) Accept(ctx context.Context) (protocol.Conn, error) {
	for {
		select {
		case <-l.ctx.Done():
			return nil, fmt.Errorf("accept: %w", protocol.ErrClosed)
		default:
		}
		select {
		case c := <-l.queue:
			if c.Context().Err() == nil { // not gone while it waited
				return c, nil
			}
		case <-l.ctx.Done():
		case <-ctx.Done():
			return nil, fmt.Errorf("accept: %w", ctx.Err())
		}
	}
}

// Close ends the listener and every connection it accepted; hang up on those that deserve a word first.
func (l *Listener) Close() error {
	var err error
	l.once.Do(func() {
		l.stop()
		err = l.net.Close()
		l.mu.Lock()
		for c := range l.conns {
			c.End(protocol.CodeShutdown, stopping, protocol.ErrClosed)
			l.loops.Go(func() { <-c.Context().Done() })
		}
		l.mu.Unlock()
		l.loops.Wait()
	})
	if err != nil {
		return fmt.Errorf("close listener: %w", err)
	}
	return nil
}

// loop takes connections from the system as they come and never waits for one of them.
func (l *Listener) loop() {
	const rest = 50 * time.Millisecond // after an error that passes, such as too many open files
	for {
		raw, err := l.net.Accept()
		switch {
		case err == nil:
			l.take(raw)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			select {
			case <-l.ctx.Done():
				return
			case <-time.After(rest):
			}
		}
	}
}

// take counts a connection, or closes it without a word: a handshake would cost more than a stranger is worth now.
func (l *Listener) take(raw net.Conn) {
	link := l.e.link(raw)
	var from netip.Addr
	if a, ok := raw.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr()
	}
	if l.gate.Admit(link.ctx, from) != nil {
		link.End(protocol.CodeBusy, "")
		return
	}
	l.loops.Go(func() {
		ctx, cancel := context.WithTimeout(l.ctx, l.e.cfg.handshake)
		defer cancel()
		tc := tls.Server(raw, l.tls)
		if tc.HandshakeContext(ctx) != nil {
			link.End(protocol.CodeUnauthorised, "")
			return
		}
		l.greet(link, tc)
	})
}

// greet checks who came, before anything of what it says is read. crypto/tls has one alert for all refusals, so this one is a hang-up.
func (l *Listener) greet(link *link, tc *tls.Conn) {
	err := l.e.party.Verify(tc.ConnectionState())
	cert, _ := tlsid.PeerCert(tc.ConnectionState()) // zero where that is what err says
	c := l.e.open(link, tc, cert, true)
	if err != nil {
		hung := tlsid.Refusal(cert, err)
		c.End(hung.Code, hung.Detail, err)
		<-c.Context().Done()
		return
	}
	if !l.register(c) {
		c.End(protocol.CodeShutdown, stopping, protocol.ErrClosed)
		<-c.Context().Done()
		return
	}
	select {
	case l.queue <- c:
	default:
		c.End(protocol.CodeBusy, "too many connections wait to be served; try again in a minute", protocol.ErrClosed)
	}
}

// register keeps track of c until its connection ends; false once the listener is closing.
func (l *Listener) register(c *stream.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return false
	}
	l.conns[c] = struct{}{}
	context.AfterFunc(c.Context(), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, c)
	})
	return true
}

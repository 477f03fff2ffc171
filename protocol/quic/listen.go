package quic

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
)

// stopping is what peers are told when the listener closes.
const stopping = "the coordinator stops; reconnect later"

// Listener accepts connections on one UDP address.
type Listener struct {
	e         *endpoint
	transport *quicgo.Transport
	quic      *quicgo.Listener
	socket    net.PacketConn // closed with the listener; nil when it is the caller's
	gate      *stream.Gate
	windows   *windows

	queue chan *conn
	done  chan struct{}
	loops sync.WaitGroup // the accept loop and the waits for first streams
	once  sync.Once

	mu    sync.Mutex
	conns map[*conn]struct{} // everything alive, to end it with the listener
}

// Listen opens a UDP socket on addr, "host:port", and accepts connections from peers of the configured class.
func Listen(addr string, cfg Config) (*Listener, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	pc, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %s%w", addr, advice(err, at.Port), err)
	}
	l, err := ListenOn(pc, cfg)
	if err != nil {
		_ = pc.Close()
		return nil, err
	}
	l.socket = pc
	return l, nil
}

// advice says what to do about a socket that does not open, for the cases that a person can change.
func advice(err error, port int) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("UDP port %d is in use by another program; stop that program, choose another port, or port 0 for any free one: ", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address; choose one of its own, or leave the host empty for all of them: "
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("UDP port %d is reserved; choose one above 1023: ", port)
	default:
		return ""
	}
}

// ListenOn is Listen over a packet connection of the caller, such as one of a simulated network; it stays the caller's to close.
func ListenOn(pc net.PacketConn, cfg Config) (*Listener, error) {
	e, err := newEndpoint(cfg)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", pc.LocalAddr(), err)
	}
	tlsConf, err := e.tlsConfig()
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", pc.LocalAddr(), err)
	}
	l := &Listener{e: e, gate: stream.NewGate(e.cfg.MaxConns, e.cfg.MaxPerNetwork), windows: newWindows(e.cfg.Windows),
		queue: make(chan *conn, acceptQueue), done: make(chan struct{}), conns: make(map[*conn]struct{})}
	l.transport = &quicgo.Transport{
		Conn:                pc,
		StatelessResetKey:   resetKey(e.cfg.Identity),
		VerifySourceAddress: new(arrivals).mustProve,
		ConnContext:         admit(l.gate),
	}
	conf := e.transport(0)
	conf.MaxIncomingStreams = 1
	conf.AllowConnectionWindowIncrease = l.windows.allow
	if l.quic, err = l.transport.Listen(tlsConf, conf); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", pc.LocalAddr(), err)
	}
	l.loops.Go(l.loop)
	return l, nil
}

// resetKey stays the same over restarts, so that peers of a process that was killed learn at once that their connection is gone (RFC 9000 §10.3).
func resetKey(id protocol.Identity) *quicgo.StatelessResetKey {
	mac := hmac.New(sha256.New, id.Key.Seed())
	mac.Write([]byte("cinesync/csa1/stateless-reset"))
	return (*quicgo.StatelessResetKey)(mac.Sum(nil))
}

// Addr is the address the listener has, with the port the system chose if it was asked to.
func (l *Listener) Addr() net.Addr { return l.quic.Addr() }

// Accept returns the next connection. Its peer is authenticated but has perhaps not spoken yet; it must within 5 s.
func (l *Listener) Accept(ctx context.Context) (protocol.Conn, error) {
	for {
		select {
		case <-l.done:
			return nil, fmt.Errorf("accept: %w", protocol.ErrClosed)
		default:
		}
		select {
		case c := <-l.queue:
			if c.qc.Context().Err() == nil { // not gone while it waited
				return c, nil
			}
		case <-l.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("accept: %w", ctx.Err())
		}
	}
}

// Close ends the listener and every connection it accepted; hang up on those that deserve a word first.
func (l *Listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.quic.Close()
		l.mu.Lock()
		for c := range l.conns {
			l.loops.Go(func() { c.End(protocol.CodeShutdown, stopping, protocol.ErrClosed) })
		}
		l.mu.Unlock()
		l.loops.Wait()
		err = errors.Join(err, l.transport.Close())
		if l.socket != nil {
			err = errors.Join(err, l.socket.Close())
		}
	})
	if err != nil {
		return fmt.Errorf("close listener: %w", err)
	}
	return nil
}

// loop takes connections from quic-go as they come and never waits for one of them.
func (l *Listener) loop() {
	for {
		qc, err := l.quic.Accept(context.Background())
		if err != nil {
			return
		}
		l.take(qc)
	}
}

func (l *Listener) take(qc *quicgo.Conn) {
	c, err := newConn(l.e, qc)
	if err != nil {
		_ = qc.CloseWithError(quicgo.ApplicationErrorCode(protocol.CodeOf(err)), clip(err.Error()))
		return
	}
	if !l.register(c) {
		c.End(protocol.CodeShutdown, stopping, protocol.ErrClosed)
		return
	}
	select {
	case l.queue <- c:
		l.loops.Go(func() { l.awaitStream(c) })
	default:
		l.loops.Go(func() {
			c.End(protocol.CodeBusy, "too many connections wait to be served; try again in a minute", protocol.ErrClosed)
		})
	}
}

// register keeps track of c until its connection ends; false once the listener is closing.
func (l *Listener) register(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		return false
	default:
	}
	l.conns[c] = struct{}{}
	l.windows.join(c.qc)
	context.AfterFunc(c.qc.Context(), func() {
		l.windows.leave(c.qc)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, c)
	})
	return true
}

// awaitStream gives the peer FirstFrame to open its stream, which takes the first bytes of its first frame.
func (l *Listener) awaitStream(c *conn) {
	ctx, cancel := context.WithTimeout(c.qc.Context(), l.e.stream.Limits.FirstFrame)
	defer cancel()
	s, err := c.qc.AcceptStream(ctx)
	switch {
	case err == nil:
		c.opened(s, true)
	case c.qc.Context().Err() == nil:
		c.End(protocol.CodeTimeout, fmt.Sprintf("no message came within %v", l.e.stream.Limits.FirstFrame),
			fmt.Errorf("%w: no message came within %v", protocol.ErrLost, l.e.stream.Limits.FirstFrame))
	}
}

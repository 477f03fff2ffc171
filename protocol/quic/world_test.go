package quic

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"

	"github.com/cinesync/cinesync/protocol"
)

// world is a simulated network inside a synctest bubble: its clock jumps whenever everybody waits, so tests of waits take no time.
type world struct {
	t        *testing.T
	listener *Listener
	device   *simnet.SimConn // for one connection at a time
	spare    *simnet.SimConn // another device's
	router   *router
}

// router loses packets when it is told to.
type router struct {
	simnet.PerfectRouter

	mu   sync.Mutex
	lose func(n int, p simnet.Packet) bool // n counts packets
	n    int
}

func (r *router) SendPacket(p simnet.Packet) error {
	r.mu.Lock()
	r.n++
	lost := r.lose != nil && r.lose(r.n, p)
	r.mu.Unlock()
	if lost {
		return nil
	}
	return r.PerfectRouter.SendPacket(p)
}

func (r *router) losing(f func(n int, p simnet.Packet) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lose = f
}

func dark(int, simnet.Packet) bool { return true }

const latency = 5 * time.Millisecond

// simulate runs a test between one listener and one device's socket.
func simulate(t *testing.T, cfg Config, run func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, router: &router{}}
		n := &simnet.Simnet{Router: w.router}
		link := simnet.NodeBiDiLinkSettings{Latency: latency}
		w.device = n.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 1).To4(), Port: 1}, link)
		w.spare = n.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 3).To4(), Port: 3}, link)
		pc := n.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 2).To4(), Port: 2}, link)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		var err error
		if w.listener, err = ListenOn(pc, cfg); err != nil {
			t.Fatal(err)
		}
		device := w.device
		defer func() {
			for _, f := range []func() error{w.listener.Close, device.Close, w.spare.Close, pc.Close, n.Close} {
				if err := f(); err != nil {
					t.Error(err)
				}
			}
		}()
		run(t, w)
	})
}

func (w *world) connect(cfg Config) (client, server protocol.Conn) {
	w.t.Helper()
	client = w.dial(cfg)
	server, err := w.listener.Accept(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return client, server
}

func (w *world) dial(cfg Config) *conn {
	w.t.Helper()
	c, err := DialOn(context.Background(), w.device, w.listener.Addr(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.(*dialled).conn
}

// speak sends one message each way, so that both ends are known to be up.
func (w *world) speak(client, server protocol.Conn) {
	w.t.Helper()
	pass(w.t, client, server, &protocol.Hello{Round: 1})
	pass(w.t, server, client, &protocol.Welcome{Round: 1})
}

// raw is the stream under a connection, to write what Send would not.
func raw(t testing.TB, c protocol.Conn) *quicgo.Stream {
	t.Helper()
	if d, ok := c.(*dialled); ok {
		c = d.conn
	}
	s := c.(*conn).bytes
	if err := s.SetWriteDeadline(time.Time{}); err != nil {
		t.Error(err)
	}
	return s
}

func pass(t testing.TB, from, to protocol.Conn, m protocol.Message) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { sent <- from.Send(t.Context(), m) }()
	if _, err := to.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// hangUp closes a connection whose other side listens, which takes no time.
func hangUp(t testing.TB, client, server protocol.Conn) {
	t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- client.Close(protocol.CodeOK, "") }()
	_, err := server.Recv(context.Background())
	wantCode(t, err, protocol.CodeOK, "")
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

package quic

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol/stream"
)

// arrivals counts new connections in the current second.
type arrivals struct {
	mu     sync.Mutex
	second time.Time
	came   int
}

// mustProve asks for a Retry round trip while connections come faster than retryAbove a second: a spoofed address then costs us one packet.
func (a *arrivals) mustProve(net.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.second) >= time.Second {
		a.second, a.came = now, 0
	}
	a.came++
	return a.came > retryAbove
}

// admit is quic-go's ConnContext: it asks the gate.
func admit(g *stream.Gate) func(context.Context, *quicgo.ClientInfo) (context.Context, error) {
	return func(ctx context.Context, info *quicgo.ClientInfo) (context.Context, error) {
		var from netip.Addr
		if u, ok := info.RemoteAddr.(*net.UDPAddr); ok {
			from = u.AddrPort().Addr()
		}
		return ctx, g.Admit(ctx, from)
	}
}

// windows grants receive windows beyond the first from one budget for the whole listener.
type windows struct {
	mu    sync.Mutex
	free  int64
	grant map[*quicgo.Conn]int64 // connections that are alive, with what they were granted
}

func newWindows(n int64) *windows { return &windows{free: n, grant: make(map[*quicgo.Conn]int64)} }

func (w *windows) join(c *quicgo.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.grant[c] = 0
}

// allow is called by quic-go with the connection's locks held, so it calls nothing on it.
func (w *windows) allow(c *quicgo.Conn, delta uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	had, alive := w.grant[c]
	if !alive || delta > uint64(max(w.free, 0)) {
		return false
	}
	w.free -= int64(delta)
	w.grant[c] = had + int64(delta)
	return true
}

func (w *windows) leave(c *quicgo.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += w.grant[c]
	delete(w.grant, c)
}

package quic

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"
)

// errFull refuses a connection before its handshake costs anything.
var errFull = errors.New("too many connections")

// gate counts connections, handshakes included, in all and by network.
type gate struct {
	most, mostEach int

	mu     sync.Mutex
	total  int
	each   map[netip.Prefix]int // entries are removed when they reach zero, so most bounds it
	second time.Time            // the current second of arrivals
	came   int                  // arrivals in it
}

func newGate(most, each int) *gate {
	return &gate{most: most, mostEach: each, each: make(map[netip.Prefix]int)}
}

// mustProve asks for a Retry round trip while connections come faster than retryAbove a second: a spoofed address then costs us one packet.
func (g *gate) mustProve(net.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.second) >= time.Second {
		g.second, g.came = now, 0
	}
	g.came++
	return g.came > retryAbove
}

// admit counts a connection until ctx ends, which is when it or its handshake does.
func (g *gate) admit(ctx context.Context, info *quicgo.ClientInfo) (context.Context, error) {
	from := network(info.RemoteAddr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.most || from.IsValid() && g.each[from] >= g.mostEach {
		return nil, errFull
	}
	g.total++
	if from.IsValid() {
		g.each[from]++
	}
	context.AfterFunc(ctx, func() { g.leave(from) })
	return ctx, nil
}

func (g *gate) leave(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if !from.IsValid() {
		return
	}
	if g.each[from]--; g.each[from] == 0 {
		delete(g.each, from)
	}
}

// network is the /24 or /56 of an address, the zero prefix for loopback and for anything that is not an IP address.
func network(a net.Addr) netip.Prefix {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := u.AddrPort().Addr().Unmap().WithZone("")
	if !ip.IsValid() || ip.IsLoopback() {
		return netip.Prefix{}
	}
	bits := 56
	if ip.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(ip, bits).Masked()
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

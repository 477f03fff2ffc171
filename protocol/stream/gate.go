package stream

import (
	"context"
	"errors"
	"net/netip"
	"sync"
)

// ErrFull refuses a connection before its handshake costs anything.
var ErrFull = errors.New("too many connections")

// Gate counts connections, handshakes included, in all and by network.
type Gate struct {
	most, mostEach int

	mu    sync.Mutex
	total int
	each  map[netip.Prefix]int // entries are removed when they reach zero, so most bounds it
}

// NewGate admits most connections, and mostEach of one network.
func NewGate(most, mostEach int) *Gate {
	return &Gate{most: most, mostEach: mostEach, each: make(map[netip.Prefix]int)}
}

// Admit counts a connection until ctx ends, which is when it or its handshake does, or returns ErrFull.
func (g *Gate) Admit(ctx context.Context, addr netip.Addr) error {
	from := network(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.most || from.IsValid() && g.each[from] >= g.mostEach {
		return ErrFull
	}
	g.total++
	if from.IsValid() {
		g.each[from]++
	}
	context.AfterFunc(ctx, func() { g.leave(from) })
	return nil
}

// Inside is how many connections are counted, and how many networks they come from.
func (g *Gate) Inside() (conns, networks int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total, len(g.each)
}

func (g *Gate) leave(from netip.Prefix) {
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

// network is the /24 or /56 of an address, the zero prefix for loopback and for the zero address.
func network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() || ip.IsLoopback() {
		return netip.Prefix{}
	}
	bits := 56
	if ip.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(ip, bits).Masked()
}

package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Fate is what happens to one message.
type Fate uint8

// The fates. QUIC never loses one message of a connection that lives on, so neither does a Network: it loses connections.
const (
	Deliver Fate = iota
	Drop         // this and every later message of the connection vanish, in both directions; after Idle both ends find it lost
	Cut          // the connection breaks at once, and both ends notice
)

// Idle is how long a silent connection takes to be found lost.
const Idle = 30 * time.Second

// ErrRefused means that nobody listens under the name, or that its queue is full.
var ErrRefused = errors.New("connection refused")

// Network connects parties by name. Its zero value is ready; set Judge before the first Dial.
type Network struct {
	// Judge decides the fate of each message, hang-ups included; nil delivers all. It is called by senders, possibly at once.
	Judge func(from, to protocol.Cert, m protocol.Message) Fate

	mu        sync.Mutex
	listeners map[string]*Listener
	links     map[*link][2]protocol.Cert
}

// Listener accepts connections for one name.
type Listener struct {
	net   *Network
	name  string
	own   protocol.Cert
	queue chan protocol.Conn
	done  chan struct{}
}

// backlog is how many connections may wait for Accept.
const backlog = 1024

// Listen takes a name, for the party of certificate own.
func (n *Network) Listen(name string, own protocol.Cert) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[name] != nil {
		return nil, fmt.Errorf("listen as %q: the name is in use; close its listener first", name)
	}
	if n.listeners == nil {
		n.listeners = make(map[string]*Listener)
	}
	l := &Listener{net: n, name: name, own: own, queue: make(chan protocol.Conn, backlog), done: make(chan struct{})}
	n.listeners[name] = l
	return l, nil
}

// Dial connects the party of certificate own to whoever listens under name.
func (n *Network) Dial(ctx context.Context, name string, own protocol.Cert) (protocol.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial %q: %w", name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[name]
	if l == nil {
		return nil, fmt.Errorf("dial %q: %w: nobody listens", name, ErrRefused)
	}
	k := &link{lost: make(chan struct{}), judge: n.Judge}
	k.onEnd = func() { n.forget(k) }
	client, server := pair(own, l.own, k)
	select {
	case l.queue <- server:
	default:
		return nil, fmt.Errorf("dial %q: %w: %d connections wait already", name, ErrRefused, backlog)
	}
	if n.links == nil {
		n.links = make(map[*link][2]protocol.Cert)
	}
	n.links[k] = [2]protocol.Cert{own, l.own}
	return client, nil
}

// Cut breaks every connection of the party that holds key idpk and says how many there were.
func (n *Network) Cut(idpk [32]byte) int {
	return n.cut(func(ends [2]protocol.Cert) bool { return ends[0].IDPK == idpk || ends[1].IDPK == idpk })
}

// CutAll breaks every connection and says how many there were.
func (n *Network) CutAll() int { return n.cut(func([2]protocol.Cert) bool { return true }) }

func (n *Network) cut(which func([2]protocol.Cert) bool) int {
	n.mu.Lock()
	var hit []*link
	for k, ends := range n.links {
		if which(ends) {
			hit = append(hit, k)
		}
	}
	n.mu.Unlock()
	for _, k := range hit {
		k.cut()
	}
	return len(hit)
}

func (n *Network) forget(k *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.links, k)
}

// Accept returns the next connection.
func (l *Listener) Accept(ctx context.Context) (protocol.Conn, error) {
	select {
	case <-l.done:
		return nil, fmt.Errorf("accept as %q: %w", l.name, protocol.ErrClosed)
	default:
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, fmt.Errorf("accept as %q: %w", l.name, protocol.ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("accept as %q: %w", l.name, ctx.Err())
	}
}

// Close gives the name back and hangs up on connections that nobody accepted; accepted ones live on.
func (l *Listener) Close() error {
	l.net.mu.Lock()
	if l.net.listeners[l.name] != l {
		l.net.mu.Unlock()
		return nil
	}
	delete(l.net.listeners, l.name)
	close(l.done)
	l.net.mu.Unlock()
	for {
		select {
		case c := <-l.queue:
			if err := c.Close(protocol.CodeShutdown, "the listener was closed"); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// fate asks the judge about a message of this end and carries its word out.
func (e *end) fate(m protocol.Message) (vanishes bool, err error) {
	l := e.link
	verdict := Deliver
	if l.judge != nil {
		verdict = l.judge(e.own, e.peer.own, m)
	}
	l.mu.Lock()
	dark := l.dark
	if verdict == Drop && !dark {
		l.dark = true
		time.AfterFunc(Idle, l.cut)
	}
	l.mu.Unlock()
	switch {
	case verdict == Cut:
		l.cut()
		return false, fmt.Errorf("send %v: %w", m.Type(), protocol.ErrLost)
	case verdict == Drop, dark:
		return true, nil
	default:
		return false, nil
	}
}

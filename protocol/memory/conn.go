package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/cinesync/cinesync/protocol"
)

// queue is how many frames may wait in one direction before Send blocks, as a full flow-control window would make it.
const queue = 16

// link is what both ends share.
type link struct {
	lost chan struct{} // closed when the connection breaks
	once sync.Once

	mu   sync.Mutex
	dark bool // frames vanish in both directions and nobody is told

	judge func(from, to protocol.Cert, m protocol.Message) Fate // may be nil
	onEnd func()                                                // may be nil; called once, when the link is over for both ends
}

func (l *link) cut() { l.once.Do(func() { close(l.lost); l.ended() }) }

func (l *link) ended() {
	if l.onEnd != nil {
		l.onEnd()
	}
}

// end is one side of a link and implements protocol.Conn.
type end struct {
	link *link
	own  protocol.Cert
	peer *end

	in     chan []byte   // frames for this end; never closed
	hung   chan struct{} // closed when the peer has hung up; its word is in farewell
	closed chan struct{} // closed by Close

	mu       sync.Mutex
	said     *protocol.HangUp // what this end sent as its hang-up
	done     bool
	farewell *protocol.HangUpError // written before hung is closed
}

// Pair returns the two ends of one connection; a is the certificate of the first end's owner, b of the second's.
func Pair(a, b protocol.Cert) (protocol.Conn, protocol.Conn) {
	x, y := pair(a, b, &link{lost: make(chan struct{})})
	return x, y
}

func pair(a, b protocol.Cert, l *link) (*end, *end) {
	x, y := newEnd(a, l), newEnd(b, l)
	x.peer, y.peer = y, x
	return x, y
}

func newEnd(own protocol.Cert, l *link) *end {
	return &end{link: l, own: own, in: make(chan []byte, queue), hung: make(chan struct{}), closed: make(chan struct{})}
}

// Peer is the other end's certificate.
func (e *end) Peer() protocol.Cert { return e.peer.own }

// Send queues a message for the peer, waiting while its queue is full.
func (e *end) Send(ctx context.Context, m protocol.Message) error {
	frame, err := protocol.AppendFrame(nil, m)
	if err != nil {
		return err
	}
	if err := e.over(ctx); err != nil {
		return fmt.Errorf("send %v: %w", m.Type(), err)
	}
	if vanishes, err := e.fate(m); err != nil || vanishes {
		return err
	}
	if h, ok := m.(*protocol.HangUp); ok {
		e.hangUp(h)
		return nil
	}
	select {
	case e.peer.in <- frame:
		return nil
	case <-e.hung:
		err = e.farewell
	case <-e.closed:
		err = protocol.ErrClosed
	case <-e.link.lost:
		err = protocol.ErrLost
	case <-ctx.Done():
		err = ctx.Err()
	}
	return fmt.Errorf("send %v: %w", m.Type(), err)
}

// over says why nothing can be sent any more.
func (e *end) over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	said, done := e.said != nil, e.done
	e.mu.Unlock()
	if said || done {
		return protocol.ErrClosed
	}
	select {
	case <-e.link.lost:
		return protocol.ErrLost
	default:
	}
	select {
	case <-e.hung:
		return e.farewell
	default:
		return nil
	}
}

// Recv returns the next message, all of them before the peer's hang-up.
func (e *end) Recv(ctx context.Context) (protocol.Message, error) {
	select { // what has ended already goes first, so that the answer does not depend on the scheduler
	case <-e.closed:
		return nil, fmt.Errorf("receive: %w", protocol.ErrClosed)
	case <-e.hung:
		return e.last()
	default:
	}
	select {
	case <-e.link.lost:
		return nil, fmt.Errorf("receive: %w", protocol.ErrLost)
	default:
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	select {
	case frame := <-e.in:
		return open(frame)
	case <-e.hung:
		return e.last()
	case <-e.closed:
		return nil, fmt.Errorf("receive: %w", protocol.ErrClosed)
	case <-e.link.lost:
		return nil, fmt.Errorf("receive: %w", protocol.ErrLost)
	case <-ctx.Done():
		return nil, fmt.Errorf("receive: %w", ctx.Err())
	}
}

// last returns what was queued before the hang-up, then the hang-up itself.
func (e *end) last() (protocol.Message, error) {
	select {
	case frame := <-e.in:
		return open(frame)
	default:
		return nil, e.farewell
	}
}

func open(frame []byte) (protocol.Message, error) {
	h, err := protocol.ParseHeader([protocol.HeaderSize]byte(frame))
	if err != nil {
		return nil, err
	}
	return protocol.Parse(h.Type, frame[protocol.HeaderSize:])
}

// Close hangs up. It does not wait: the peer finds the hang-up behind the messages it has not read yet.
func (e *end) Close(code protocol.Code, detail string) error {
	e.mu.Lock()
	first := !e.done
	e.done = true
	e.mu.Unlock()
	if !first {
		return nil
	}
	if vanishes, err := e.fate(&protocol.HangUp{Code: code, Detail: detail}); err == nil && !vanishes {
		e.hangUp(&protocol.HangUp{Code: code, Detail: detail})
	}
	close(e.closed)
	e.peer.mu.Lock()
	both := e.peer.done
	e.peer.mu.Unlock()
	if both {
		e.link.ended()
	}
	return nil
}

// hangUp leaves the first hang-up of this end with the peer, in the form it would have after a journey.
func (e *end) hangUp(h *protocol.HangUp) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.said != nil {
		return
	}
	e.said = h
	m, err := protocol.Parse(protocol.TypeHangUp, h.Append(nil))
	if err != nil {
		panic("hang-up does not parse: " + err.Error())
	}
	sent := m.(*protocol.HangUp)
	e.peer.farewell = &protocol.HangUpError{Code: sent.Code, Detail: sent.Detail, RetryAfter: sent.RetryAfter}
	close(e.peer.hung)
}

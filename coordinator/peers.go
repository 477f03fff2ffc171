package coordinator

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// peer is one open connection.
type peer struct {
	id       [32]byte
	conn     protocol.Conn
	out      chan protocol.Message
	over     chan struct{} // closed when the connection is given up
	treeSize uint64        // owned by the loop: the tree this device was last shown
	gone     bool          // owned by the loop
}

// Bounds of one connection.
const (
	outQueue     = 256
	helloTimeout = 5 * time.Second
	sendTimeout  = 30 * time.Second
)

// accept takes connections until the listener or ctx ends. It never blocks on one of them.
func (c *Coordinator) accept(ctx context.Context, l Listener) {
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.cfg.Log.Error("accept connection", "error", err)
			}
			return
		}
		c.conns.Add(1)
		go func() {
			defer c.conns.Done()
			c.serve(ctx, conn)
		}()
	}
}

// serve reads one connection until it ends. Model downloads are answered here: they need nothing of the loop.
func (c *Coordinator) serve(ctx context.Context, conn protocol.Conn) {
	helloCtx, cancel := context.WithTimeout(ctx, helloTimeout)
	first, err := conn.Recv(helloCtx)
	cancel()
	hello, ok := first.(*protocol.Hello)
	if err != nil || !ok {
		conn.Close(protocol.CodeUnexpected, "the first message must be hello")
		return
	}
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	p := &peer{id: conn.Peer().IDPK, conn: conn, out: make(chan protocol.Message, outQueue), over: make(chan struct{}), treeSize: hello.TreeSize}
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		c.write(ctx, p)
		cancel() // a connection that cannot be written to is over
	}()
	if c.tell(ctx, mail{from: p, hello: hello}) {
		c.read(ctx, p)
		c.tell(context.WithoutCancel(ctx), mail{from: p, gone: true})
	}
	cancel()
	<-writing
	conn.Close(protocol.CodeOK, "")
}

func (c *Coordinator) read(ctx context.Context, p *peer) {
	for {
		msg, err := p.conn.Recv(ctx)
		if err != nil {
			return
		}
		if get, ok := msg.(*protocol.ModelGet); ok {
			if !p.push(ctx, c.modelPart(get)) {
				return
			}
			continue
		}
		if !c.tell(ctx, mail{from: p, msg: msg}) {
			return
		}
	}
}

func (c *Coordinator) tell(ctx context.Context, m mail) bool {
	select {
	case c.mail <- m:
		return true
	case <-c.done:
		return false
	case <-ctx.Done():
		return false
	}
}

// write sends what is queued. A HangUp is the last thing a connection hears.
func (c *Coordinator) write(ctx context.Context, p *peer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.over:
			return
		case msg := <-p.out:
			if h, ok := msg.(*protocol.HangUp); ok {
				p.conn.Close(h.Code, h.Detail)
				return
			}
			sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
			err := p.conn.Send(sendCtx, msg)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// push queues from a reader, which may wait: it holds back only its own connection.
func (p *peer) push(ctx context.Context, m protocol.Message) bool {
	select {
	case p.out <- m:
		return true
	case <-p.over:
		return false
	case <-ctx.Done():
		return false
	}
}

// queue queues from the loop, which never waits: a device that does not read is dropped and may reconnect.
func (p *peer) queue(m protocol.Message) {
	if p.gone {
		return
	}
	select {
	case p.out <- m:
	default:
		p.drop()
	}
}

func (p *peer) drop() {
	if !p.gone {
		p.gone = true
		close(p.over)
	}
}

// handle takes one mail into the batch.
func (c *Coordinator) handle(ctx context.Context, m mail, b *batch) error {
	now := c.cfg.Now()
	switch {
	case m.hello != nil:
		return c.joined(ctx, now, m.from, m.hello, b)
	case m.gone:
		m.from.drop()
		if c.peers[m.from.id] != m.from {
			return nil // replaced by a newer connection
		}
		delete(c.peers, m.from.id)
		return c.step(now, round.Event{Kind: round.Disconnected, From: m.from.id}, b)
	case c.peers[m.from.id] != m.from:
		return nil
	}
	switch msg := m.msg.(type) {
	case *protocol.Chunk:
		return c.chunk(now, m.from, msg, b)
	case *protocol.HangUp:
		return nil
	case *protocol.Hello:
		m.from.queue(&protocol.HangUp{Code: protocol.CodeUnexpected, Detail: "hello was said before"})
		return nil
	default:
		if c.machine == nil {
			return nil // the round is over; the device has heard how it ended
		}
		fresh := c.machine.Header(m.from.id) == nil
		err := c.step(now, round.Event{Kind: round.Message, From: m.from.id, Msg: msg}, b)
		if h := c.machine.Header(m.from.id); fresh && h != nil {
			b.Headers = append(b.Headers, HeaderRow{ID: m.from.id, Header: h.Append(nil)})
			c.uploads[m.from.id] = &upload{hash: sha256.New()}
		}
		return err
	}
}

// joined welcomes a device, tells it how an earlier round of its ended, and tells the machine.
func (c *Coordinator) joined(ctx context.Context, now time.Time, p *peer, hello *protocol.Hello, b *batch) error {
	if old := c.peers[p.id]; old != nil {
		old.queue(&protocol.HangUp{Code: protocol.CodeConflict, Detail: "this device opened a newer connection"})
		old.gone = true
		if err := c.step(now, round.Event{Kind: round.Disconnected, From: p.id}, b); err != nil {
			return err
		}
	}
	c.peers[p.id] = p
	header, err := c.store.LastHeader(ctx, p.id)
	if err != nil {
		return err
	}
	b.sends = append(b.sends, round.Send{To: p.id, Msg: &protocol.Welcome{LastHeader: header, Round: c.row.Round}, Prove: []uint64{}})
	if hello.Round != 0 && (c.machine == nil || hello.OpenHash != c.row.OpenHash) {
		if err := c.farewell(ctx, p, hello, b); err != nil {
			return err
		}
	}
	return c.step(now, round.Event{Kind: round.Connected, From: p.id}, b)
}

// farewell tells a late device how its round ended.
func (c *Coordinator) farewell(ctx context.Context, p *peer, hello *protocol.Hello, b *batch) error {
	ended, err := c.store.Members(ctx, hello.OpenHash)
	if err != nil || ended == nil {
		return err
	}
	msg := &protocol.Close{OpenHash: hello.OpenHash}
	if leaf, path := round.InputProof(ended.Members, p.id); leaf >= 0 {
		msg.InputIndex, msg.InputProof = uint32(leaf), path
	}
	b.sends = append(b.sends, round.Send{To: p.id, Msg: msg, Prove: []uint64{ended.Index}})
	return nil
}

func (c *Coordinator) hangUpAll(code protocol.Code, detail string) {
	for _, p := range c.peers {
		p.queue(&protocol.HangUp{Code: code, Detail: detail})
	}
}

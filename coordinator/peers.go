package coordinator

import (
	"context"
	"errors"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// peer is one open connection.
type peer struct {
	id       [32]byte
	conn     protocol.Conn
	out      chan protocol.Message
	gets     chan protocol.Message   // ModelGet and DeltaGet, unbuffered: a request waits here while the one before it is answered
	turn     chan struct{}           // the device's own slot for a part being sent
	end      context.CancelCauseFunc // gives the connection up, and with it what is being sent
	treeSize uint64                  // owned by the loop: the tree this device was last shown
	held     []round.Send            // owned by the loop: what waits for the witnesses, and what waits behind it
	gone     bool                    // owned by the loop
	said     bool                    // owned by the loop: a hang-up is queued, and nothing comes after it
}

// Bounds of one connection.
const (
	outQueue     = 256
	helloTimeout = 5 * time.Second
	sendTimeout  = 30 * time.Second
	maxParts     = 512              // parts of models and deltas being sent, of all connections together: 128 MiB; one of each
	maxHeld      = 64               // messages that wait for the witnesses
	maxHeard     = 256              // events of one device in one round: a handful of messages, and many reconnects
	maxTimes     = 16               // how many times all that a round wants of one device it hears of it, in bytes
	busyFor      = 60 * time.Second // how long a device that used them up is sent away
)

// accept takes connections until the listener or ctx ends. It never blocks on one of them.
func (c *Coordinator) accept(ctx context.Context, l Listener) {
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			c.deaf <- err // one slot, one listener: never blocks
			return
		}
		c.conns.Add(1)
		go func() {
			defer c.conns.Done()
			code, detail := lastWord(c.serve(ctx, conn))
			select {
			case <-c.done:
				code, detail = c.last.Code, c.last.Detail
			default:
			}
			conn.Close(code, detail)
		}()
	}
}

var (
	errNoHello = errors.New("the first message must be hello")
	errSlow    = errors.New("this device does not read what it is sent")
	errHeld    = errors.New("the witnesses have not signed the log for too long; reconnect later")
	errSize    = errors.New("no round waits for so large a message; wait for the next offer")
	errNewer   = errors.New("this device opened a newer connection")
)

// lastWord is what a device hears at the end of a connection that nobody hung up before.
func lastWord(err error) (protocol.Code, string) {
	var hung *protocol.HangUpError
	switch {
	case err == nil, errors.As(err, &hung), errors.Is(err, protocol.ErrLost), errors.Is(err, protocol.ErrClosed), errors.Is(err, context.Canceled):
		return protocol.CodeOK, ""
	case errors.Is(err, errNoHello):
		return protocol.CodeUnexpected, err.Error()
	case errors.Is(err, errNewer):
		return protocol.CodeConflict, err.Error()
	case errors.Is(err, errSize):
		return protocol.CodeLate, err.Error()
	case errors.Is(err, errHeld):
		return protocol.CodeBusy, err.Error()
	case errors.Is(err, errSlow), errors.Is(err, context.DeadlineExceeded):
		return protocol.CodeTimeout, "silent or slow for too long: " + err.Error()
	default:
		return protocol.CodeOf(err), err.Error()
	}
}

// serve reads one connection until it ends, and says why it did. Model downloads are answered beside the loop: they need
// nothing of it.
func (c *Coordinator) serve(ctx context.Context, conn protocol.Conn) error {
	helloCtx, cancel := context.WithTimeout(ctx, helloTimeout)
	first, err := conn.Recv(helloCtx)
	cancel()
	if err != nil {
		return err
	}
	hello, ok := first.(*protocol.Hello)
	if !ok {
		return errNoHello
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	id := conn.Peer().IDPK
	turn, leave := c.turns.join(id)
	defer leave()
	p := &peer{id: id, conn: conn, out: make(chan protocol.Message, outQueue), gets: make(chan protocol.Message), turn: turn, end: end, treeSize: hello.TreeSize}
	writing := make(chan error, 1)
	go func() {
		writing <- c.write(ctx, p)
		end(nil) // a connection that cannot be written to is over
	}()
	if c.tell(ctx, mail{from: p, hello: hello}) {
		err = c.read(ctx, p)
		c.tell(context.WithoutCancel(ctx), mail{from: p, gone: true})
	}
	end(nil)
	if broken := <-writing; err == nil || errors.Is(err, context.Canceled) {
		err = broken
	}
	return err
}

func (c *Coordinator) read(ctx context.Context, p *peer) error {
	for {
		msg, err := p.conn.Recv(ctx)
		if err != nil {
			return err
		}
		switch msg.(type) {
		case *protocol.ModelGet, *protocol.DeltaGet:
			if !p.ask(ctx, msg) {
				return nil
			}
			continue
		}
		if s, ok := msg.(*protocol.Shares); ok && int64(sizeOf(s)) > c.most.Load() {
			return errSize
		}
		if !c.tell(ctx, mail{from: p, msg: msg}) {
			return nil
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

// write sends what is queued, until the connection is given up. A download waits beside the queue until it has a slot, the
// device's own before one of all devices', and its part is made when it is sent: what waits for a device that does not read is a
// request, and no piece of a model.
func (c *Coordinator) write(ctx context.Context, p *peer) error {
	var get protocol.Message
	mine := false // the device's own slot
	defer func() {
		if mine {
			<-p.turn
		}
	}()
	for {
		gets, turn, slot := p.gets, (chan<- struct{})(nil), (chan<- struct{})(nil)
		switch {
		case mine:
			gets, slot = nil, c.parts
		case get != nil:
			gets, turn = nil, p.turn
		}
		var done bool
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case msg := <-p.out:
			done, err = p.send(ctx, msg)
		case get = <-gets:
		case turn <- struct{}{}:
			mine = true
		case slot <- struct{}{}:
			done, err = p.send(ctx, c.download(get))
			<-c.parts
			<-p.turn
			get, mine = nil, false
		}
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done || err != nil {
			return err
		}
	}
}

// send sends one message. A HangUp is the last thing a connection hears.
func (p *peer) send(ctx context.Context, msg protocol.Message) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err = p.conn.Send(ctx, msg)
	if h, ok := msg.(*protocol.HangUp); ok {
		p.conn.Close(h.Code, h.Detail)
		return true, nil
	}
	return false, err
}

// ask hands a download request to the writer. Its reader waits until the one before it is answered, and with it only this
// connection.
func (p *peer) ask(ctx context.Context, get protocol.Message) bool {
	select {
	case p.gets <- get:
		return true
	case <-ctx.Done():
		return false
	}
}

// queue queues from the loop, which never waits: a device that does not read is dropped and may reconnect.
func (p *peer) queue(m protocol.Message) {
	if p.gone || p.said {
		return
	}
	select {
	case p.out <- m:
		_, p.said = m.(*protocol.HangUp)
	default:
		p.drop(errSlow)
	}
}

// drop gives a connection up at once, whatever is being sent over it; why is its last word.
func (p *peer) drop(why error) {
	if !p.gone {
		p.gone = true
		p.end(why)
	}
}

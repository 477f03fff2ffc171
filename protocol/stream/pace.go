package stream

import (
	"context"
	"time"
)

// pace reads the stream and holds the peer to a speed: the first frame within FirstFrame, and of any frame that has begun at least MinRate
// bytes in each RateWindow. Between frames a peer may be silent for as long as the connection lives.
type pace struct {
	conn  *Conn
	ctx   context.Context // of the Recv under way
	first bool            // no frame has come yet
	since time.Time       // start of the window, zero before it
	got   int             // bytes in the window
}

// restart begins a new window: time in which nobody asked for bytes is not the peer's.
func (p *pace) restart() { p.since = time.Time{} }

// Read reads from the stream until the peer's deadline or the end of the context.
func (p *pace) Read(b []byte) (int, error) {
	s := p.conn.bytes
	if err := s.SetReadDeadline(p.deadline()); err != nil {
		return 0, err
	}
	release := onEnd(p.ctx, func() { _ = s.SetReadDeadline(time.Unix(1, 0)) })
	defer release()
	select {
	case <-p.conn.over: // the goodbye moves the deadline too, perhaps before we did
		_ = s.SetReadDeadline(time.Unix(1, 0))
	default:
	}
	n, err := s.Read(b)
	p.got += n
	return n, err
}

func (p *pace) deadline() time.Time {
	now, limits := time.Now(), &p.conn.e.Limits
	if !p.first && !p.conn.reader.Started() {
		p.since = time.Time{}
		return time.Time{}
	}
	if p.since.IsZero() || p.got >= limits.MinRate && !p.first {
		p.since, p.got = now, 0
	}
	if p.first {
		return p.since.Add(limits.FirstFrame)
	}
	return p.since.Add(limits.RateWindow)
}

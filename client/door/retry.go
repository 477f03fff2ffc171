package door

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Bounds of the waits between connections.
const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 30 * time.Second
	afterNo    = time.Second // after a refusal, so that a bad offer does not make a busy loop
	maxNo      = time.Minute
	maxAsked   = time.Hour // longest wait that a coordinator can ask for
)

// backoff doubles a wait each time it is asked, between its bounds.
type backoff struct{ least, most, now time.Duration }

func (b *backoff) next() time.Duration {
	b.now = min(max(b.least, 2*b.now), b.most)
	return jitter(b.now)
}

func (b *backoff) reset() { b.now = 0 }

// jitter spreads what many devices would do at the same moment.
func jitter(t time.Duration) time.Duration { return t/2 + rand.N(t) }

// lost says when to come back after a connection ended.
func (d *Door) lost(err error) time.Duration {
	var h *protocol.HangUpError
	if !errors.As(err, &h) {
		return d.away.next()
	}
	d.cfg.Log.Debug("the coordinator hung up", slog.String("code", h.Code.String()), slog.String("detail", h.Detail))
	if h.Code == protocol.CodeNoSuchModel {
		d.publish = [32]byte{} // it keeps the newest only
	}
	if h.RetryAfter > 0 {
		asked := min(time.Duration(h.RetryAfter)*time.Second, maxAsked)
		return asked + rand.N(asked/2)
	}
	switch h.Code {
	case protocol.CodeOK, protocol.CodeShutdown, protocol.CodeInternal:
		return d.away.next()
	case protocol.CodeStale, protocol.CodeLate, protocol.CodeConflict:
		return jitter(afterNo) // the next round may come soon
	}
	return d.no.next()
}

package door

import (
	"context"
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

// awayLevel makes the first failure of a row visible, and each that waiting will not mend.
func (d *Door) awayLevel(err error) slog.Level {
	if code := protocol.CodeOf(err); d.away.now == 0 || code != protocol.CodeOK && code != protocol.CodeInternal {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// lost says when to come back after a connection ended.
func (d *Door) lost(err error) time.Duration {
	var h *protocol.HangUpError
	if !errors.As(err, &h) {
		return d.away.next()
	}
	level := slog.LevelDebug
	if deaf(h.Code) {
		level = slog.LevelWarn
	}
	d.cfg.Log.Log(context.Background(), level, "the coordinator hung up", slog.String("code", h.Code.String()), slog.String("detail", h.Detail))
	if h.Code == protocol.CodeNoSuchModel {
		d.publish = [32]byte{} // a later one took its place; the next round's end names that
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

// deaf tells the hang-ups that a person must do something about.
func deaf(c protocol.Code) bool {
	return c == protocol.CodeUnauthorised || c == protocol.CodeExpired || c == protocol.CodeWrongVersion || c == protocol.CodeMalformed || c == protocol.CodeTooLarge
}

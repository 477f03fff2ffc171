package door_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// lateConn is a coordinator that shows the roster when so much is left of phase shares, and behind it, at once, what it likes.
type lateConn struct {
	protocol.Conn
	p    *phone
	at   time.Time // when the roster is shown
	next func(protocol.Roster) protocol.Message
	then protocol.Message
}

func (c *lateConn) Recv(ctx context.Context) (protocol.Message, error) {
	if m := c.then; m != nil {
		c.then = nil
		return m, nil
	}
	m, err := c.Conn.Recv(ctx)
	if ro, ok := m.(*protocol.Roster); ok {
		pass(time.Until(c.at))
		c.then = c.next(*ro)
		c.p.mu.Lock()
		c.p.roster = time.Now()
		c.p.mu.Unlock()
	}
	return m, err
}

// again is the same roster a second time.
func (p *phone) again(ro protocol.Roster) protocol.Message {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	ro.Evidence.Consistency, ro.Evidence.OldSize = nil, p.r.log.Size()
	return &ro
}

// sharesEnd is when phase shares is over for a device of these tests that accepted at once.
const sharesEnd = 3070 * time.Second

// TestNothingTellsWhenTheNoiseWasReady lets a coordinator choose how much is left of phase shares, and show the roster twice, or a
// message that the device hangs up on. Nothing leaves at a moment that is not a multiple of 50 ms from the roster.
func TestNothingTellsWhenTheNoiseWasReady(t *testing.T) {
	bad := func(protocol.Roster) protocol.Message { return &protocol.ModelGet{} }
	for _, left := range []time.Duration{30, 60, 99, 100, 101, 110, 149, 150, 199, 400} {
		left *= time.Millisecond
		for _, draw := range []time.Duration{0, 31, 37, 41, 59, 98, 101, 103, 120, 151, 500} {
			draw *= time.Millisecond
			for name, next := range map[string]func(*phone) func(protocol.Roster) protocol.Message{
				"the roster again": func(p *phone) func(protocol.Roster) protocol.Message { return p.again },
				"a bad message":    func(*phone) func(protocol.Roster) protocol.Message { return bad },
			} {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, 64, 100)
					p := newPhone(t, r)
					p.files.draw = draw
					start := time.Now()
					p.wrap = func(c protocol.Conn) protocol.Conn {
						return &lateConn{Conn: c, p: p, at: start.Add(sharesEnd - left), next: next(p)}
					}
					p.start()
					r.open()
					pass(3200 * time.Second)
					synctest.Wait()
					p.close()
					at, sent := p.left(protocol.TypeShares)
					const step = 50 * time.Millisecond
					if want := left >= 2*step && max(step, (draw+step-1)/step*step) <= left; sent != want {
						t.Errorf("%s, %v left, drawn in %v: shares sent: %v", name, left, draw, sent)
					}
					if sent && (at > left || at < draw || at%step != 0) {
						t.Errorf("%s, %v left, drawn in %v: shares left after %v", name, left, draw, at)
					}
					if after := p.hung.Sub(p.roster); name == "a bad message" && left >= 2*step && (p.hung.IsZero() || after%step != 0) {
						t.Errorf("%s, %v left, drawn in %v: hung up after %v", name, left, draw, after)
					}
				})
			}
		}
	}
}

// TestStopWhileTheNoiseIsDrawn: the connection ends when the owner says so, not when the draw does. Nor does the program, which may be
// started again at once. The round goes on later.
func TestStopWhileTheNoiseIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.files.draw = 40 * time.Millisecond
		p.start()
		r.open()
		pass(10 * time.Millisecond)
		p.close()
		if at := p.hung.Sub(p.roster); at != 10*time.Millisecond {
			t.Errorf("the device hung up %v after the roster came", at)
		}
		if at := time.Since(p.roster); at != 50*time.Millisecond {
			t.Errorf("whoever starts the device again can do so %v after the roster came", at)
		}
		if _, ok := p.left(protocol.TypeShares); ok {
			t.Error("shares leave a device that was stopped")
		}
		p.run()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
	})
}

// TestSleepWhileSharesAreHeld: the timer stood still, the wall clock did not.
func TestSleepWhileSharesAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		var slept atomic.Int64
		p.now = func() time.Time { return time.Now().Round(0).Add(time.Duration(slept.Load())) }
		p.start()
		r.open()
		pass(20 * time.Millisecond)
		slept.Store(int64(sharesEnd))
		r.result()
		synctest.Wait()
		p.close()
		if _, ok := p.left(protocol.TypeShares); ok {
			t.Error("shares left after their deadline")
		}
		if n := len(p.seen("missed")); n != 1 {
			t.Errorf("the owner was told %d times", n)
		}
	})
}

// slowConn takes its time with a device's keys.
type slowConn struct{ protocol.Conn }

func (c slowConn) Send(ctx context.Context, m protocol.Message) error {
	if m.Type() == protocol.TypeAdvertise {
		pass(1000 * time.Second)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Conn.Send(ctx, m)
}

// TestSlowNetworkHasUntilTheDeadline: that the time is to be written down meanwhile ends nothing.
func TestSlowNetworkHasUntilTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.wrap = func(c protocol.Conn) protocol.Conn { return slowConn{c} }
		p.start()
		r.open()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
		if p.connections() != 0 || len(p.dials) != 1 {
			t.Errorf("%d connections were made", len(p.dials))
		}
	})
}

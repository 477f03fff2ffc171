package door_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/protocol"
)

// left is when the message of one kind was sent, counted from the roster.
func (p *phone) left(kind protocol.Type) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.sent, func(m protocol.Message) bool { return m.Type() == kind })
	if i < 0 {
		return 0, false
	}
	return p.times[i].Sub(p.roster), true
}

// TestSharesLeaveAtTheSameMomentHoweverLongTheNoiseTook: and a device that is slower tells no more than how many steps.
func TestSharesLeaveAtTheSameMomentHoweverLongTheNoiseTook(t *testing.T) {
	for _, c := range []struct{ draw, want time.Duration }{
		{0, 50 * time.Millisecond}, {time.Millisecond, 50 * time.Millisecond}, {49 * time.Millisecond, 50 * time.Millisecond},
		{51 * time.Millisecond, 100 * time.Millisecond}, {149 * time.Millisecond, 150 * time.Millisecond},
	} {
		t.Run(c.draw.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 100)
				p := newPhone(t, r)
				p.files.draw = c.draw
				p.start()
				r.open()
				if res := r.result(); res.U3 != 4 {
					t.Errorf("%d vectors were summed", res.U3)
				}
				synctest.Wait()
				p.close()
				if at, ok := p.left(protocol.TypeShares); !ok || at != c.want {
					t.Errorf("the shares left %v after the roster came, want %v", at, c.want)
				}
			})
		})
	}
}

// TestNothingIsHeardWhileSharesAreHeld sends the roster together with a message that the device hangs up on at once.
func TestNothingIsHeardWhileSharesAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.files.draw = 10 * time.Millisecond
		hung := make(chan time.Time, 1)
		r.meet = func(m protocol.Message) bool {
			if m.Type() != protocol.TypeAdvertise {
				return true
			}
			conn := r.conn
			time.AfterFunc(5*time.Millisecond, func() { // while it draws
				if err := conn.Send(t.Context(), &protocol.ModelGet{}); err != nil {
					t.Error(err)
				}
			})
			return true
		}
		p.told = func(e door.Event) {
			if e.Kind == "refused" {
				hung <- time.Now()
			}
		}
		p.start()
		r.open()
		r.result()
		synctest.Wait()
		p.close()
		at, ok := p.left(protocol.TypeShares)
		if !ok || at != 50*time.Millisecond {
			t.Errorf("the shares left %v after the roster came", at)
		}
		if got := (<-hung).Sub(p.roster); got != 50*time.Millisecond {
			t.Errorf("the device hung up %v after the roster came", got)
		}
	})
}

// TestRunEndsWhileSharesAreHeld: they are asked for again, and the round goes on.
func TestRunEndsWhileSharesAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.start()
		r.open()
		pass(20 * time.Millisecond)
		p.close()
		if _, ok := p.left(protocol.TypeShares); ok {
			t.Fatal("the shares are not held")
		}
		p.run()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
	})
}

// TestSharesTooLateAreNotSent lets the noise take longer than phase Shares.
func TestSharesTooLateAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.files.draw = time.Hour
		p.start()
		r.open()
		r.result()
		pass(2 * time.Hour)
		p.close()
		if _, ok := p.left(protocol.TypeShares); ok {
			t.Error("shares left after their deadline")
		}
	})
}

package quic

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/protocol"
)

func TestAddressesMustProveThemselvesAboveARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(arrivals)
		for second := range 3 {
			for i := range 2 * retryAbove {
				if got, want := a.mustProve(nil), i >= retryAbove; got != want {
					t.Fatalf("second %d, arrival %d: must prove %v, want %v", second, i, got, want)
				}
			}
			<-time.After(time.Second)
		}
	})
}

func TestFailedHandshakesLeaveTheGate(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		cfg := deviceConfig()
		cfg.PeerKey = make([]byte, 32)
		for range 3 {
			if _, err := DialOn(t.Context(), w.device, w.listener.Addr(), cfg); !errors.Is(err, protocol.ErrWrongKey) {
				t.Errorf("dial: %v, want ErrWrongKey", err)
			}
		}
		<-time.After(2 * handshakeTimeout)
		if conns, networks := w.listener.gate.Inside(); conns != 0 || networks != 0 {
			t.Errorf("%d of 3 failed handshakes still count, in %d networks", conns, networks)
		}
	})
}

// TestWindowsKeepTheirBooks runs random grants against plain sums.
func TestWindowsKeepTheirBooks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const total = 1000
		w := newWindows(total)
		conns := []*quicgo.Conn{new(quicgo.Conn), new(quicgo.Conn), new(quicgo.Conn)}
		granted := map[*quicgo.Conn]int64{}
		grantedSum := int64(0)
		for range rapid.IntRange(1, 50).Draw(rt, "steps") {
			n := rapid.IntRange(0, 400).Draw(rt, "n")
			c := rapid.SampledFrom(conns).Draw(rt, "conn")
			switch rapid.IntRange(0, 2).Draw(rt, "what") {
			case 0:
				if _, in := granted[c]; !in {
					w.join(c)
					granted[c] = 0
				}
			case 1:
				had, in := granted[c]
				if want := in && grantedSum+int64(n) <= total; w.allow(c, uint64(n)) != want {
					rt.Fatalf("window of %d with %d granted: want %v", n, grantedSum, want)
				} else if want {
					granted[c], grantedSum = had+int64(n), grantedSum+int64(n)
				}
			case 2:
				w.leave(c)
				grantedSum -= granted[c]
				delete(granted, c)
			}
			if w.free != total-grantedSum {
				rt.Fatalf("windows free %d with %d granted", w.free, grantedSum)
			}
		}
	})
}

package quic

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/protocol"
)

func from(ip string) *quicgo.ClientInfo {
	return &quicgo.ClientInfo{RemoteAddr: &net.UDPAddr{IP: net.ParseIP(ip), Port: 9}}
}

func TestGateCountsByNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10, 2)
		var ends []context.CancelFunc
		admit := func(ip string, want bool) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			_, err := g.admit(ctx, from(ip))
			if (err == nil) != want {
				t.Errorf("%s admitted: %v, want %v", ip, err, want)
			}
			if err != nil {
				cancel()
				return
			}
			ends = append(ends, cancel)
		}
		for _, ip := range []string{"192.0.2.1", "192.0.2.200", "2001:db8:0:100::1", "2001:db8:0:1ff::2", "::ffff:198.51.100.7", "198.51.100.8"} {
			admit(ip, true)
		}
		for _, ip := range []string{"192.0.2.77", "2001:db8:0:155::3", "198.51.100.9"} { // a /24, a /56, a /24 written in two ways: full
			admit(ip, false)
		}
		for range 4 { // loopback has no share of its own, but the total holds for it
			admit("127.0.0.1", true)
		}
		admit("127.0.0.1", false)
		admit("203.0.113.1", false)
		for _, end := range ends {
			end()
		}
		synctest.Wait()
		if g.total != 0 || len(g.each) != 0 {
			t.Errorf("%d connections and %d networks left when all have gone", g.total, len(g.each))
		}
		admit("203.0.113.1", true)
		ends[len(ends)-1]()
	})
}

func TestAddressesMustProveThemselvesAboveARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1)
		for second := range 3 {
			for i := range 2 * retryAbove {
				if got, want := g.mustProve(nil), i >= retryAbove; got != want {
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
		g := w.listener.gate
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.total != 0 || len(g.each) != 0 {
			t.Errorf("%d of 3 failed handshakes still count, in %d networks", g.total, len(g.each))
		}
	})
}

// TestMemoryAndWindowsKeepTheirBooks runs random takes and gives against plain sums.
func TestMemoryAndWindowsKeepTheirBooks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const total = 1000
		m, w := newMemory(total), newWindows(total)
		conns := []*quicgo.Conn{new(quicgo.Conn), new(quicgo.Conn), new(quicgo.Conn)}
		granted := map[*quicgo.Conn]int64{}
		var held []int
		heldSum, grantedSum := 0, int64(0)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for range rapid.IntRange(1, 50).Draw(rt, "steps") {
			n := rapid.IntRange(0, 400).Draw(rt, "n")
			c := rapid.SampledFrom(conns).Draw(rt, "conn")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				if err := m.take(ended, nil, n); (err == nil) != (heldSum+n <= total) {
					rt.Fatalf("take %d with %d held: %v", n, heldSum, err)
				} else if err == nil {
					held = append(held, n)
					heldSum += n
				}
			case 1:
				if len(held) > 0 {
					m.give(held[0])
					heldSum -= held[0]
					held = held[1:]
				}
			case 2:
				if _, in := granted[c]; !in {
					w.join(c)
					granted[c] = 0
				}
			case 3:
				had, in := granted[c]
				if want := in && grantedSum+int64(n) <= total; w.allow(c, uint64(n)) != want {
					rt.Fatalf("window of %d with %d granted: want %v", n, grantedSum, want)
				} else if want {
					granted[c], grantedSum = had+int64(n), grantedSum+int64(n)
				}
			case 4:
				w.leave(c)
				grantedSum -= granted[c]
				delete(granted, c)
			}
			if m.free != int64(total-heldSum) || w.free != total-grantedSum || len(m.waiters) != 0 {
				rt.Fatalf("memory free %d with %d held, windows free %d with %d granted", m.free, heldSum, w.free, grantedSum)
			}
		}
	})
}

func TestMemoryServesWaitersInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(100)
		if err := m.take(t.Context(), nil, 80); err != nil {
			t.Fatal(err)
		}
		type done struct {
			name string
			err  error
		}
		got := make(chan done, 4)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		for _, w := range []struct {
			name string
			ctx  context.Context
			over chan struct{}
			n    int
		}{{"gives up", ctx, nil, 90}, {"connection ends", t.Context(), over, 90}, {"large", t.Context(), nil, 60}, {"small", t.Context(), nil, 10}} {
			go func() { got <- done{w.name, m.take(w.ctx, w.over, w.n)} }()
			synctest.Wait() // they queue in this order
		}
		cancel()
		if d := <-got; d.name != "gives up" || d.err == nil {
			t.Errorf("%v came first", d)
		}
		close(over)
		if d := <-got; d.name != "connection ends" || d.err == nil {
			t.Errorf("%v came second", d)
		}
		synctest.Wait()
		if len(got) > 0 {
			t.Errorf("%v was served before its turn", <-got) // 20 are free, but the large one waits in front
		}
		m.give(80)
		synctest.Wait()
		names := map[string]bool{(<-got).name: true, (<-got).name: true}
		if !names["large"] || !names["small"] || m.free != 30 {
			t.Errorf("served %v with %d left", names, m.free)
		}
		if err := m.take(t.Context(), nil, 40); err == nil {
			t.Error("more than there is was granted")
		}
	})
}

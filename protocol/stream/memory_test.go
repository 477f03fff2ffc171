package stream

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/protocol"
)

func TestGateCountsByNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(10, 2)
		var ends []context.CancelFunc
		admit := func(ip string, want bool) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			err := g.Admit(ctx, netip.MustParseAddr(ip))
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
		if conns, networks := g.Inside(); conns != 0 || networks != 0 {
			t.Errorf("%d connections and %d networks left when all have gone", conns, networks)
		}
		admit("203.0.113.1", true)
		ends[len(ends)-1]()
	})
}

// TestMemoryKeepsItsBooks runs random takes and gives against a plain sum.
func TestMemoryKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const total = 1000
		m := NewMemory(total)
		var held []int
		heldSum := 0
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for range rapid.IntRange(1, 50).Draw(rt, "steps") {
			n := rapid.IntRange(0, 400).Draw(rt, "n")
			if rapid.Bool().Draw(rt, "take") {
				if err := m.Take(ended, nil, time.Second, n); (err == nil) != (heldSum+n <= total) {
					rt.Fatalf("take %d with %d held: %v", n, heldSum, err)
				} else if err == nil {
					held = append(held, n)
					heldSum += n
				}
			} else if len(held) > 0 {
				m.Give(held[0])
				heldSum -= held[0]
				held = held[1:]
			}
			if m.Free() != int64(total-heldSum) || len(m.waiters) != 0 {
				rt.Fatalf("memory free %d with %d held", m.Free(), heldSum)
			}
		}
	})
}

// TestMemoryIsWaitedForNoLongerThanItsTime takes what is not there.
func TestMemoryIsWaitedForNoLongerThanItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, start := NewMemory(10), time.Now()
		if err := m.Take(t.Context(), nil, 7*time.Second, 11); !errors.Is(err, ErrNoMemory) || time.Since(start) != 7*time.Second {
			t.Errorf("%v after %v, want ErrNoMemory after 7 s", err, time.Since(start))
		}
	})
}

func TestMemoryServesWaitersInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(100)
		if err := m.Take(t.Context(), nil, time.Second, 80); err != nil {
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
			go func() { got <- done{w.name, m.Take(w.ctx, w.over, time.Second, w.n)} }()
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
		m.Give(80)
		synctest.Wait()
		names := map[string]bool{(<-got).name: true, (<-got).name: true}
		if !names["large"] || !names["small"] || m.Free() != 30 {
			t.Errorf("served %v with %d left", names, m.Free())
		}
		if err := m.Take(t.Context(), nil, time.Second, 40); err == nil {
			t.Error("more than there is was granted")
		}
	})
}

// TestLargeBodiesLeaveRoomForOthers fills what large bodies may have: the next of them waits in vain, and a bundle does not.
func TestLargeBodiesLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total = 8 * protocol.MaxRosterBundle
		m := NewMemory(total)
		over := make(chan struct{})
		hold := func(n int) (*lease, error) {
			l := &lease{memory: m, wait: time.Second, over: over, ctx: t.Context()}
			err := l.Take(n)
			return l, err
		}
		var large []*lease
		for range 4 {
			l, err := hold(protocol.MaxRosterBundle)
			if err != nil {
				t.Fatal(err)
			}
			large = append(large, l)
		}
		if _, err := hold(protocol.MaxBundle + 1); !errors.Is(err, ErrNoMemory) {
			t.Errorf("one large body more: %v, want ErrNoMemory", err)
		}
		small, err := hold(protocol.MaxBundle)
		if err != nil {
			t.Errorf("a bundle beside them: %v", err)
		}
		if err := m.Take(t.Context(), over, 0, total/2-protocol.MaxBundle); err != nil { // the other half is theirs alone
			t.Error(err)
		}
		large[0].Give(protocol.MaxRosterBundle)
		if _, err := hold(protocol.MaxRosterBundle); err != nil {
			t.Errorf("after one has left: %v", err)
		}
		if _, err := hold(protocol.MaxRosterBundle); !errors.Is(err, ErrNoMemory) {
			t.Errorf("no memory at all: %v", err)
		}
		small.Give(protocol.MaxBundle)
		if got := m.Free(); got != protocol.MaxBundle {
			t.Errorf("%d bytes free, want %d", got, protocol.MaxBundle)
		}
	})
}

// TestLargeBodyThatFindsNoMemoryLeavesNoTrace is refused by the whole budget after its own part has let it in.
func TestLargeBodyThatFindsNoMemoryLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(2 * protocol.MaxRosterBundle)
		l := &lease{memory: m, wait: time.Second, ctx: t.Context()}
		const others = protocol.MaxRosterBundle + 1
		if err := m.Take(t.Context(), nil, 0, others); err != nil {
			t.Fatal(err)
		}
		if err := l.Take(protocol.MaxRosterBundle); !errors.Is(err, ErrNoMemory) {
			t.Errorf("%v, want ErrNoMemory", err)
		}
		m.Give(others)
		if err := l.Take(protocol.MaxRosterBundle); err != nil {
			t.Errorf("with all the memory free: %v", err)
		}
	})
}

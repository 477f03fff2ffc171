package round

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

var seeds = flag.Int("seeds", 60, "how many random sequences of events to try")

// chaos does one thing after the other to a round, drawn from a seed, and checks what every output may never say.
type chaos struct {
	*world
	rng       *rand.Rand
	jump      int    // most milliseconds that pass at once
	survivors string // the one bitmap
	reserved  bool
	done      map[*device]map[Phase]bool
}

// TestReplayDecidesTheSame is invariant 7: whatever happened, in whatever order, the journal gives every output once more,
// byte for byte. A failure names its seed.
func TestReplayDecidesTheSame(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			w := newWorld(t, settings{n: 3 + rng.IntN(6), delta: uint16(1000 + rng.IntN(3000)), d: 1 + rng.IntN(9)})
			c := &chaos{world: w, rng: rng, jump: 500 + rng.IntN(4000), done: map[*device]map[Phase]bool{}}
			for n := 0; !w.m.Ended(); n++ {
				if n == 2000 {
					t.Fatalf("the round does not end; it is in phase %v", w.m.Phase())
				}
				c.one()
				c.check()
			}
			w.replays()
			ends[fmt.Sprint(w.result.Phase, " ", w.result.Reason)]++
		})
	}
	if ends["done none"] < *seeds/5 {
		t.Errorf("hardly any round ended well, so that little was tried: %v", ends)
	}
	t.Log(ends)
}

// one does one thing.
func (c *chaos) one() {
	d := c.devices[c.rng.IntN(len(c.devices))]
	switch c.rng.IntN(24) {
	case 0:
		c.now = c.now.Add(time.Duration(c.rng.IntN(c.jump)) * time.Millisecond)
		c.step(Event{Kind: Ticked})
	case 1:
		d.disconnect()
	case 2:
		c.step(Event{Kind: Restarted})
	case 3:
		c.slow = !c.slow
		if !c.slow {
			c.showLog()
		}
	case 4:
		c.rubbish(d)
	case 5:
		if c.rng.IntN(80) == 0 {
			c.step(Event{Kind: Unsettled, Why: Cancelled, Detail: "stopped"})
		}
	case 6:
		c.now = c.now.Add(-time.Second)
	case 7, 8, 9:
		d.connect()
	case 10:
		if c.m.Phase() == Settling && c.plan != nil && c.m.Pending() != nil {
			c.finishWork()
		}
	default:
		c.behave(d)
	}
}

// behave has a device do what the round wants from it, if it knows.
func (c *chaos) behave(d *device) {
	phase := c.m.Phase()
	if phase == Recruit {
		phase = Keys
	}
	if c.done[d] == nil {
		c.done[d] = map[Phase]bool{}
	}
	p := c.m.members[d.id]
	if c.done[d][phase] || phase > Keys && (p == nil || !c.m.owes(p)) {
		return
	}
	switch phase {
	case Keys:
		if c.m.entries.roster != nil {
			return
		}
		d.say(d.advertise())
	case Shares:
		d.say(d.shares())
	case Inputs:
		if p.input == nil {
			d.say(d.input())
			return
		}
		d.upload()
	case Unmask:
		d.say(d.reveal(c.rng.IntN(4) > 0))
	case Recruit, Settling, Done, Failed:
		return
	}
	c.done[d][phase] = true
}

// rubbish sends what is wrong in one way or another.
func (c *chaos) rubbish(d *device) {
	sid := c.m.SID(d.id)
	if c.rng.IntN(3) == 0 {
		sid[0] ^= 1
	}
	d.say([]protocol.Message{&protocol.Shares{SID: sid}, &protocol.Input{SID: sid, Length: c.rng.Uint64()}, &protocol.Reveal{SID: sid}, c.devices[0].advertise(),
		&protocol.Close{}, &protocol.Hello{}}[c.rng.IntN(6)])
	c.step(Event{Kind: Uploaded, From: d.id, Hash: [32]byte{byte(c.rng.IntN(3))}})
	c.step(Event{Kind: Logged, Hash: [32]byte{byte(c.rng.IntN(3))}, Index: c.rng.Uint64()})
}

// finishWork settles for real, and the sum must be exact.
func (c *chaos) finishWork() {
	c.t.Helper()
	c.plan = c.m.Pending()
	want := c.plainSum()
	sum, err := c.settle()
	if err != nil || !slices.Equal(sum, want) {
		c.t.Fatalf("settle: %v", err)
	}
}

// check looks at the last output.
func (c *chaos) check() {
	c.t.Helper()
	for _, f := range c.facts {
		c.reserved = c.reserved || f.Reserve
		if f.Publish != nil && !c.reserved {
			c.t.Fatal("published before the population was charged")
		}
	}
	for _, list := range c.inbox {
		for _, m := range list {
			s, ok := m.(*protocol.Survivors)
			if !ok {
				continue
			}
			if c.survivors == "" {
				c.survivors = string(s.Bitmap)
			}
			if c.survivors != string(s.Bitmap) {
				c.t.Fatal("a second set of survivors was asked about")
			}
			if !c.m.sealedLogged() {
				c.t.Fatal("asked to reveal before the set was in the log")
			}
		}
	}
	if r := c.result; r != nil && r.Phase == Done && r.U3 < int(c.cfg.Open.NMin) {
		c.t.Fatalf("%d vectors were summed", r.U3)
	}
}

// TestReplayOfEveryPrefixStandsWhereItStood cuts the journal of one eventful round after every line, as a crash does.
func TestReplayOfEveryPrefixStandsWhereItStood(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	w.advance(Settling, true)
	if _, err := w.settle(); err != nil {
		t.Fatal(err)
	}
	for cut := range w.journal {
		m := New(w.cfg)
		for _, j := range w.journal[:cut+1] {
			e, err := ParseEvent(j.event)
			if err != nil {
				t.Fatal(err)
			}
			if got := digest(m.Step(j.at, e)); got != j.digest {
				t.Fatalf("cut after %d: another output", cut)
			}
		}
		// From here the same events come: the end must be the same.
		for _, j := range w.journal[cut+1:] {
			e, err := ParseEvent(j.event)
			if err != nil {
				t.Fatal(err)
			}
			m.Step(j.at, e)
		}
		if m.Phase() != Done || !slices.Equal(m.settled.Sums, w.m.settled.Sums) {
			t.Fatalf("cut after %d: phase %v", cut, m.Phase())
		}
	}
}

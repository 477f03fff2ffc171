package round

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

var seeds = flag.Int("seeds", 60, "how many random sequences of events to try")

// chaos does one thing after the other to a round, chosen from outside, and checks what every output may never say.
type chaos struct {
	*world
	choose    func(n int) int     // 0 … n−1
	jump      int                 // most milliseconds that pass at once
	lies      bool                // some boxes and shares are not what they should be
	survivors map[[32]byte]string // the one bitmap of each session
	seen      map[[32]byte]int    // messages of each device that were looked at
	reserved  bool
	done      map[*device]map[Phase]bool
}

func newChaos(w *world, choose func(n int) int) *chaos {
	return &chaos{world: w, choose: choose, jump: 500 + choose(4000), survivors: map[[32]byte]string{}, seen: map[[32]byte]int{}, done: map[*device]map[Phase]bool{}}
}

// chaosSettings draws a small round in any mode, in one cohort or two, seldom with X-Wing.
func chaosSettings(choose func(n int) int) settings {
	modes := []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM, aggregation.ModeW}
	cohorts := 1 + choose(2)
	return settings{n: cohorts*3 + choose(6), delta: uint16(1000 + choose(3000)), d: 1 + choose(9), mode: modes[choose(3)], cohorts: uint32(cohorts), kex: uint16(1 + choose(8)/7)}
}

// TestReplayDecidesTheSame is invariant 7: whatever happened, in whatever order, the journal gives every output once more,
// byte for byte. A failure names its seed.
func TestReplayDecidesTheSame(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			choose := rand.New(rand.NewPCG(seed, 5)).IntN
			w := newWorld(t, chaosSettings(choose))
			c := newChaos(w, choose)
			c.lies = choose(4) == 0
			for n := 0; !w.m.Ended(); n++ {
				if n == 3000 {
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

// FuzzRound is the same with the fuzzer as the one who chooses. Whatever it does, nothing panics, and once its choices are used up
// the deadlines end the round.
func FuzzRound(f *testing.F) {
	for seed := range uint64(12) {
		choices := make([]byte, 400)
		for i, rng := 0, rand.New(rand.NewPCG(seed, 6)); i < len(choices); i++ {
			choices[i] = byte(rng.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		choices = choices[:min(len(choices), 1000)]
		choose := func(n int) int {
			if len(choices) < 2 {
				return 0
			}
			v := int(choices[0])<<8 | int(choices[1])
			choices = choices[1:]
			return v % n
		}
		c := newChaos(newWorld(t, chaosSettings(choose)), choose)
		c.lies = choose(2) == 0
		for len(choices) >= 2 && !c.m.Ended() {
			c.one()
			c.check()
		}
		c.slow = false
		c.showLog()
		for _, seconds := range deadlines {
			c.at(float64(seconds))
		}
		c.check()
		if !c.m.Ended() {
			t.Fatalf("past every deadline the round is in phase %v", c.m.Phase())
		}
		c.replays()
	})
}

// one does one thing.
func (c *chaos) one() {
	d := c.devices[c.choose(len(c.devices))]
	switch c.choose(24) {
	case 0:
		c.now = c.now.Add(time.Duration(c.choose(c.jump)) * time.Millisecond)
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
		if c.choose(80) == 0 {
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
		d.say(c.spoilBoxes(d, d.shares()))
	case Inputs:
		if p.input == nil {
			d.say(d.input())
			return
		}
		d.upload()
	case Unmask:
		if c.m.confirms() && p.standing == Included {
			d.say(d.confirm())
			return
		}
		d.say(c.spoilShares(d, d.reveal(c.choose(4) > 0)))
	case Recruit, Settling, Done, Failed:
		return
	}
	c.done[d][phase] = true
}

func (c *chaos) spoilBoxes(d *device, m *protocol.Shares) *protocol.Shares {
	if c.lies && c.choose(4) == 0 {
		for range 1 + c.choose(2) {
			m.Sealed[c.choose(len(m.Sealed))][c.choose(80)] ^= byte(1 + c.choose(255))
		}
		m.Sign(d.signer())
	}
	return m
}

func (c *chaos) spoilShares(d *device, m *protocol.Reveal) *protocol.Reveal {
	if c.lies && c.choose(4) == 0 && len(m.SelfShares) > 0 {
		for range 1 + c.choose(3) {
			m.SelfShares[c.choose(len(m.SelfShares))].Share[c.choose(32)] ^= byte(1 + c.choose(255))
		}
		m.Sign(d.signer())
	}
	return m
}

// rubbish sends what is wrong in one way or another.
func (c *chaos) rubbish(d *device) {
	sid := c.m.SID(d.id)
	if c.choose(3) == 0 {
		sid[0] ^= 1
	}
	d.say([]protocol.Message{&protocol.Shares{SID: sid}, &protocol.Input{SID: sid, Length: uint64(c.choose(1 << 20))}, &protocol.Reveal{SID: sid}, c.devices[0].advertise(),
		&protocol.Confirm{SID: sid}, &protocol.Close{}, &protocol.Hello{}}[c.choose(7)])
	c.step(Event{Kind: Uploaded, From: d.id, Hash: [32]byte{byte(c.choose(3))}})
	c.step(Event{Kind: Logged, Hash: [32]byte{byte(c.choose(3))}, Index: uint64(c.choose(1 << 20))})
}

// finishWork settles for real: the sum is exact, or there is none.
func (c *chaos) finishWork() {
	c.t.Helper()
	c.plan = c.m.Pending()
	want := c.plainSum()
	sum, err := c.settle()
	if err == nil && !slices.Equal(sum, want) || err != nil && !(c.lies && errors.Is(err, ErrShares)) {
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
	for id, list := range c.inbox {
		for _, m := range list[c.seen[id]:] {
			s, ok := m.(*protocol.Survivors)
			if !ok {
				continue
			}
			if before, ok := c.survivors[s.SID]; ok && before != string(s.Bitmap) {
				c.t.Fatal("a second set of survivors was asked about")
			}
			c.survivors[s.SID] = string(s.Bitmap)
			if !c.m.sealedLogged() {
				c.t.Fatal("asked to reveal before the set was in the log")
			}
		}
		c.seen[id] = len(list)
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

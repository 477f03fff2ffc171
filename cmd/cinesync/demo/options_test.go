package demo

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
)

func asked(change func(*Options)) *Options {
	o := &Options{Devices: DefaultDevices, Rounds: DefaultRounds, Task: "two-tower", Drop: 0.1}
	if change != nil {
		change(o)
	}
	return o
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		want   string // part of the error; empty: taken
	}{
		"as they are":              {nil, ""},
		"no devices":               {func(o *Options) { o.Devices = 0 }, "--devices is 0"},
		"no rounds":                {func(o *Options) { o.Rounds = 0 }, "--rounds is 0"},
		"too many rounds":          {func(o *Options) { o.Rounds = 1001 }, "--rounds is 1001"},
		"a negative share":         {func(o *Options) { o.Drop = -0.1 }, "--drop is -0.1"},
		"most vanish":              {func(o *Options) { o.Drop = 0.41 }, "--drop is 0.41"},
		"no task":                  {func(o *Options) { o.Task = "" }, "--task"},
		"as few rounds as phases":  {func(o *Options) { o.Crash, o.Rounds = true, 6 }, ""},
		"fewer rounds than phases": {func(o *Options) { o.Crash, o.Rounds = true, 5 }, "--rounds is 5: --crash wants 6"},
		"an address":               {func(o *Options) { o.HTTP = "127.0.0.1:0" }, ""},
		"TCP without a port":       {func(o *Options) { o.TCP = "127.0.0.1" }, "--tcp is \"127.0.0.1\": want a loopback address and a port"},
		"TCP on any port":          {func(o *Options) { o.TCP = "127.0.0.1:0" }, "--tcp is"},
		"TCP elsewhere":            {func(o *Options) { o.TCP = "192.0.2.1:4748" }, "--tcp is"},
		"TCP by name":              {func(o *Options) { o.TCP = "localhost:4748" }, "--tcp is"},
		"no address":               {func(o *Options) { o.HTTP = "localhost" }, "--http is \"localhost\""},
	} {
		err := asked(c.change).Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestLossThatNoRoundSurvivesIsRefused(t *testing.T) {
	for _, c := range []struct {
		devices int
		drop    float64
		refused bool
	}{
		{3, 0.4, true}, {4, 0.4, true}, {5, 0.4, true}, {7, 0.4, true}, {9, 0.4, true}, {3, 0.25, true},
		{6, 0.4, false}, {8, 0.4, false}, {10, 0.4, false}, {24, 0.4, false}, {63, 0.4, false}, {64, 0.4, false}, {1000, 0.4, false},
		{3, 0, false}, {3, 0.1, false}, {4, 0.1, false}, {4, 0.25, false}, {5, 0.2, false}, {200, 0.1, false},
	} {
		err := asked(func(o *Options) { o.Devices, o.Drop = c.devices, c.drop }).Check()
		if (err != nil) != c.refused {
			t.Errorf("%d devices, drop %v: %v", c.devices, c.drop, err)
		}
		if err != nil && !strings.Contains(err.Error(), "lower --drop, or raise --devices") {
			t.Errorf("%d devices, drop %v: %v does not say what to do", c.devices, c.drop, err)
		}
	}
}

func TestVanishingIsTheNearestWholeNumber(t *testing.T) {
	for _, c := range []struct {
		devices int
		share   float64
		want    int
	}{{24, 0.1, 2}, {25, 0.1, 3}, {200, 0.1, 20}, {3, 0.1, 0}, {5, 0.1, 1}, {9, 0.4, 4}, {10, 0, 0}, {1000, 0.4, 400}, {8, 0.2, 2}} {
		if got := vanishing(c.devices, c.share); got != c.want {
			t.Errorf("%v of %d: %d, want %d", c.share, c.devices, got, c.want)
		}
	}
}

// TestRoundIsOpenedForWhoVanishes: what is planned never goes past the loss that devices are promised, which is 5 % more
// than was asked for unless a few devices make that uneven.
func TestRoundIsOpenedForWhoVanishes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := asked(func(o *Options) {
			o.Devices = rapid.IntRange(3, maxDevices).Draw(t, "devices")
			o.Drop = float64(rapid.IntRange(0, 4000).Draw(t, "drop")) / 10000
		})
		lost, delta := vanishing(o.Devices, o.Drop), int(lossBP(o))
		if least := aggregation.MinSurvivors(o.Devices, delta); o.Devices-lost < least {
			t.Fatalf("%d of %d vanish, and δ = %d wants %d to stay", lost, o.Devices, delta, least)
		}
		if planned := int(10000*o.Drop + 500); delta < planned || delta > planned && 10000*lost <= planned*o.Devices {
			t.Fatalf("%d of %d vanish: δ = %d, planned %d", lost, o.Devices, delta, planned)
		}
		if o.Devices >= 10 && o.Check() != nil {
			t.Fatalf("%d devices and %v are refused: %v", o.Devices, o.Drop, o.Check())
		}
	})
	if got := lossBP(asked(nil)); got != 1500 {
		t.Errorf("the default is opened for a loss of %d basis points, want 1500", got)
	}
	if got := lossBP(asked(func(o *Options) { o.Devices, o.Drop = 6, 0.25 })); got != 3334 {
		t.Errorf("two of six are %d basis points, want 3334", got)
	}
}

func TestFaultsTakeExactlyThePlannedShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 100).Draw(t, "devices")
		share := float64(rapid.IntRange(0, 40).Draw(t, "share")) / 100
		f := newFaults(rapid.Uint64().Draw(t, "seed"), n, share)
		f.begin(rapid.Uint64Range(1, 1000).Draw(t, "round"))
		at := map[stage]int{}
		for _, s := range f.plan {
			at[s]++
		}
		lost := vanishing(n, share)
		if at[stays] != n-lost {
			t.Fatalf("%d of %d stay, want %d", at[stays], n, n-lost)
		}
		for s := beforeShares; s <= beforeReveal; s++ {
			if at[s] < lost/4 || at[s] > (lost+3)/4 {
				t.Fatalf("%d of %d vanish in stage %d: not spread over the phases", at[s], lost, s)
			}
		}
	})
}

func TestFaultsOfOneSeedAreTheSame(t *testing.T) {
	plan := func(seed, round uint64) string {
		f := newFaults(seed, 40, 0.25)
		f.begin(round)
		var b strings.Builder
		for _, s := range f.plan {
			b.WriteByte('0' + byte(s))
		}
		return b.String()
	}
	seed := rand.Uint64()
	first, again := plan(seed, 3), plan(seed, 3)
	if first != again || first == plan(seed, 4) || first == plan(seed+1, 3) {
		t.Error("the plan is not a function of seed and round, or does not depend on both")
	}
}

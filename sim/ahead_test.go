package sim

import (
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
)

// TestDevicesBesideEachOtherDoTheSame holds runs whose devices go ahead against those where each waits for its message. A crash in a phase
// that there is not is no crash, but nothing is foreseen then.
func TestDevicesBesideEachOtherDoTheSame(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for name, cfg := range map[string]Config{
		"clean":      {Devices: 12, D: 30},
		"losses":     {Devices: 14, D: 10, Lose: map[Step]int{AtShares: 1, AtInput: 1, AtChunk: 1, AtReveal: 1}, Restart: map[Step]int{AtShares: 2, AtChunk: 2, AtReveal: 2}},
		"a network":  {Devices: 9, D: 5, Duplicate: 30, Reorder: 20, Slow: 300 * time.Millisecond},
		"witnesses":  {Devices: 8, D: 7, Mode: aggregation.ModeW, Unsigned: 10, Restart: map[Step]int{AtInput: 3}},
		"two rounds": {Devices: 8, D: 7, Mode: aggregation.ModeSM, Cohorts: 2},
	} {
		cfg.Min, cfg.DeltaBP, cfg.Rounds = 3, 4000, 2
		for seed := range uint64(2) {
			cfg.Seed, cfg.Crash = seed, nil
			together, err := Run(cfg)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			cfg.Crash = []string{"never"}
			apart, err := Run(cfg)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !reflect.DeepEqual(together, apart) {
				t.Errorf("%s, seed %d: beside each other\n%v\none after the other\n%v", name, seed, together.Trace, apart.Trace)
			}
		}
	}
}

// TestWhoIsBusyDoesNotGoAhead: next gives a letter only where nothing else can come first.
func TestWhoIsBusyDoesNotGoAhead(t *testing.T) {
	w, err := newWorld(Config{Seed: 1, Devices: 3, Min: 3, DeltaBP: 3000})
	if err != nil {
		t.Fatal(err)
	}
	d := w.devices[1]
	ready := func() { d.inbox, d.busy, d.up, d.life = []*letter{{life: 4}}, 0, true, 4 }
	for name, spoil := range map[string]func(){
		"nothing on its way": func() { d.inbox = nil },
		"training":           func() { d.busy = 1 },
		"no connection":      func() { d.up = false },
		"a later connection": func() { d.life++ },
		"done already":       func() { d.inbox[0].did = &thought{} },
	} {
		ready()
		if d.next() == nil {
			t.Fatal("a device that waits for one letter does not know it")
		}
		if spoil(); d.next() != nil {
			t.Errorf("%s: the device goes ahead", name)
		}
	}
	for _, cfg := range []Config{{Cut: 1}, {Liars: 1}, {Crash: []string{"inputs"}}} {
		if cfg.foresees() {
			t.Errorf("%+v: devices go ahead", cfg)
		}
	}
}

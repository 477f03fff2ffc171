package sim

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
)

// observed runs a small federation whose device i learns (i+1)/16 of the clip at each of two places, and returns the published
// sums.
func observed(t *testing.T, cfg Config, noise Noise) []Published {
	t.Helper()
	var seen []Published
	out, err := Observe(cfg, Study{Noise: noise,
		Update: func(u []float32, device int, round uint64) error {
			u[int(round)], u[len(u)-1] = float32(device+1)/16, -float32(device+1)/16
			return nil
		},
		Published: func(p Published) error { seen = append(seen, p); return nil }})
	if err != nil {
		t.Fatalf("%s: %v\n%s", noise, err, strings.Join(out.Trace, "\n"))
	}
	for _, r := range out.Rounds {
		if !r.Done || !r.SumOK || len(r.Refusals) > 0 {
			t.Fatalf("%s: %+v\n%s", noise, r, strings.Join(out.Trace, "\n"))
		}
	}
	if len(seen) != len(out.Rounds) {
		t.Fatalf("%s: %d rounds of %d were seen", noise, len(seen), len(out.Rounds))
	}
	return seen
}

// TestStudySeesTheSum: what is published is the sum of what the experiment gave, in every mode, with losses and crashes, and
// the noise in it is what was asked for. That the sum is exact is the oracle's business, in every round.
func TestStudySeesTheSum(t *testing.T) {
	for _, cfg := range []Config{
		{Seed: 1, Devices: 8, Min: 3, DeltaBP: 3000, D: 4000, Rounds: 2},
		{Seed: 2, Devices: 8, Min: 3, DeltaBP: 3000, D: 4000, Rounds: 2, Mode: aggregation.ModeW, Lose: map[Step]int{AtChunk: 1}},
		{Seed: 3, Devices: 8, Min: 3, DeltaBP: 3000, D: 4000, Rounds: 2, Mode: aggregation.ModeSM, Suite: aggregation.Suite{Kex: 1, PRG: 3, WordBits: 24}, Sig: 2},
		{Seed: 4, Devices: 8, Min: 3, DeltaBP: 3000, D: 4000, Rounds: 2, Crash: []string{"inputs"}, Restart: map[Step]int{AtInput: 2, AtReveal: 1}},
	} {
		for _, noise := range []Noise{Whole, Tenth, None} {
			for k, p := range observed(t, cfg, noise) {
				want, squares, places := 0.0, 0.0, 0
				for i := range p.Included {
					want += float64(i+1) / 16
				}
				for i, v := range p.Sum {
					if i != k+1 && i != cfg.D-1 {
						squares += float64(v) * float64(v)
						places++
					}
				}
				local := float64(privacy.LocalVariance(p.Open.SigmaTotSq, privacy.HonestFloor(cfg.Devices, 500, cfg.DeltaBP)))
				share := map[Noise]float64{Whole: 1, Tenth: 0.01, None: 0}[noise]
				variance := squares / float64(places)
				if expected := share * local * float64(p.Included); math.Abs(variance-expected) > 0.2*expected {
					t.Errorf("seed %d, %s: a variance of %v, want about %v", cfg.Seed, noise, variance, expected)
				}
				if p.Included == cfg.Devices && noise == None {
					for _, got := range []float64{float64(p.Sum[k+1]), -float64(p.Sum[cfg.D-1])} {
						if got /= p.Grid().Scale(); math.Abs(got-want) > float64(cfg.Devices)/p.Grid().Scale() {
							t.Errorf("seed %d: the sum is %v, want %v to within a rounding of each", cfg.Seed, got, want)
						}
					}
				}
			}
		}
	}
}

func TestSameSeedSameStudy(t *testing.T) {
	cfg := Config{Seed: 9, Devices: 6, Min: 3, DeltaBP: 3000, D: 300, Rounds: 2}
	for _, noise := range []Noise{Whole, Tenth, None} {
		a, b := observed(t, cfg, noise), observed(t, cfg, noise)
		for k := range a {
			if !slices.Equal(a[k].Sum, b[k].Sum) {
				t.Errorf("%s, round %d: two runs of one seed differ", noise, k+1)
			}
		}
	}
}

// TestStudySeesTheClipBits: with a clip bit the sum is as ever, and beside it stands what the bits add up to: of ten devices four learn
// more than the clip lets through. Less noise is less noise of the bit too.
func TestStudySeesTheClipBits(t *testing.T) {
	for _, mode := range []aggregation.Mode{aggregation.ModeSM, aggregation.ModeW} {
		for _, noise := range []Noise{Whole, Tenth, None} {
			cfg := Config{Seed: 6, Devices: 10, Min: 6, DeltaBP: 2000, D: 500, Rounds: 2, Mode: mode, ClipBit: true}
			var seen []Published
			out, err := Observe(cfg, Study{Noise: noise, Update: func(u []float32, device int, _ uint64) error {
				if u[0] = 0.5; device < 4 {
					u[0] = 1.5
				}
				return nil
			}, Published: func(p Published) error { seen = append(seen, p); return nil }})
			if err != nil {
				t.Fatalf("%s: %v", noise, err)
			}
			if len(seen) != cfg.Rounds {
				t.Fatalf("%s: %d rounds of %d were seen: %+v", noise, len(seen), cfg.Rounds, out.Rounds)
			}
			for _, p := range seen {
				local := privacy.LocalVariance(p.Open.SigmaBitSq, privacy.HonestFloor(cfg.Devices, 500, cfg.DeltaBP))
				share := map[Noise]float64{Whole: 1, Tenth: 0.1, None: 0}[noise]
				off := float64(p.Bits) - 4*float64(p.Open.BitSize())
				if reach := 5 * share * math.Sqrt(float64(local)*float64(cfg.Devices)); len(p.Sum) != cfg.D || math.Abs(off) > reach {
					t.Errorf("%s: %d words, bits off by %v, at most %v", noise, len(p.Sum), off, reach)
				}
				if want := 4*1 + 6*0.5; noise == None && math.Abs(float64(p.Sum[0])/p.Grid().Scale()-want) > float64(cfg.Devices)/p.Grid().Scale() {
					t.Errorf("the sum is %v, want %v", float64(p.Sum[0])/p.Grid().Scale(), want)
				}
			}
		}
	}
}

// TestOracleSeesAWrongExperiment: a device that sends other noise than the experiment says, or another update, is found.
func TestOracleSeesAWrongExperiment(t *testing.T) {
	for name, plant := range map[string]func(w *world, d *device){
		"other noise left":     func(w *world, d *device) { w.oracle.left[d.id][5]++ },
		"another contribution": func(w *world, d *device) { w.oracle.truth[d.id][5]++ },
	} {
		w, err := newWorld(Config{Seed: 5, Devices: 5, Min: 3, DeltaBP: 3000, D: 10})
		if err != nil {
			t.Fatal(err)
		}
		w.study = &Study{Noise: Tenth, Update: func(u []float32, device int, _ uint64) error { u[device] = 1; return nil },
			Published: func(Published) error { plant(w, w.devices[2]); return nil }}
		if _, err := w.run(); err != nil {
			t.Fatal(err)
		}
		var members []round.Member
		for _, f := range w.coord.closings {
			members = f.members
		}
		if _, err := w.oracle.exact(members, 0, w.coord.sums[0], map[[32]byte]bool{}); err == nil || !strings.Contains(err.Error(), "place 5") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStudiesEndWithTheirErrors(t *testing.T) {
	boom := errors.New("boom")
	good := Study{Update: func([]float32, int, uint64) error { return nil }, Published: func(Published) error { return nil }}
	cfg := Config{Seed: 1, Devices: 4, Min: 3, DeltaBP: 3000}
	for name, c := range map[string]struct {
		cfg    Config
		change func(s *Study, cfg *Config)
		want   string
	}{
		"no update":    {cfg, func(s *Study, _ *Config) { s.Update = nil }, "what devices learn"},
		"no eyes":      {cfg, func(s *Study, _ *Config) { s.Published = nil }, "look"},
		"other noise":  {cfg, func(s *Study, _ *Config) { s.Noise = 3 }, "noise 3"},
		"cohorts":      {cfg, func(_ *Study, cfg *Config) { cfg.Cohorts = 2 }, "2 cohorts"},
		"liars":        {cfg, func(_ *Study, cfg *Config) { cfg.Liars = 1 }, "1 liars"},
		"update fails": {cfg, func(s *Study, _ *Config) { s.Update = func([]float32, int, uint64) error { return boom } }, "boom"},
		"eyes fail":    {cfg, func(s *Study, _ *Config) { s.Published = func(Published) error { return boom } }, "boom"},
		"sent fails":   {cfg, func(s *Study, _ *Config) { s.Sent = func() error { return boom } }, "boom"},
		"not a number": {cfg, func(s *Study, _ *Config) {
			s.Update = func(u []float32, _ int, _ uint64) error { u[0] = float32(math.NaN()); return nil }
		}, "NaN"},
		"nothing wrong": {cfg, func(*Study, *Config) {}, ""},
	} {
		s, cfg := good, c.cfg
		c.change(&s, &cfg)
		_, err := Observe(cfg, s)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestStepsAreCounted: progress bars rest on it.
func TestStepsAreCounted(t *testing.T) {
	sent := 0
	_, err := Observe(Config{Seed: 1, Devices: 6, Min: 3, DeltaBP: 3000, Rounds: 2}, Study{Update: func([]float32, int, uint64) error { return nil },
		Published: func(Published) error { return nil }, Sent: func() error { sent++; return nil }})
	if err != nil || sent != 6*2*Steps {
		t.Errorf("%d steps were made known, want %d; %v", sent, 6*2*Steps, err)
	}
}

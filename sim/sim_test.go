package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
)

var seeds = flag.Int("seeds", 32, "how many random federations to simulate")

func TestCleanRoundSumsEverybody(t *testing.T) {
	for _, n := range []int{3, 10, 24, 70} {
		out, err := Run(Config{Seed: uint64(n), Devices: n, Min: 3, DeltaBP: 1500})
		if err != nil {
			t.Fatal(err)
		}
		if r := out.Rounds[0]; !r.Done || !r.SumOK || r.U3 != n || len(r.Refusals) > 0 {
			t.Errorf("n=%d: %+v\n%s", n, r, strings.Join(out.Trace, "\n"))
		}
	}
}

// TestShippedPolicyTakesRealRounds: devices as they are shipped, with pinned witnesses, in the least rounds that they accept, and beside
// them one round that is weaker.
func TestShippedPolicyTakesRealRounds(t *testing.T) {
	suites := []aggregation.Suite{{Kex: 1, PRG: 1, WordBits: 32}, {Kex: 2, PRG: 3, WordBits: 24}}
	if testing.Short() {
		suites = suites[:1]
	}
	for i, suite := range suites {
		cfg := Config{Seed: uint64(i), Devices: 70, Min: 64, DeltaBP: 1000, D: 16, Mode: aggregation.ModeW, Suite: suite, Shipped: true,
			Lose: map[Step]int{AtShares: 1, AtChunk: 2, AtReveal: 2}, Crash: []string{"inputs"}}
		out, err := Run(cfg)
		if err != nil {
			t.Fatalf("%+v: %v", suite, err)
		}
		for _, r := range out.Rounds {
			if !r.Done || !r.SumOK || r.U3 < 64 || r.U1 < 69 {
				t.Errorf("%+v: %+v\n%s", suite, r, strings.Join(out.Trace, "\n"))
			}
		}
	}
	out, err := Run(Config{Devices: 70, Min: 63, DeltaBP: 1000, Mode: aggregation.ModeW, Shipped: true})
	if err != nil || out.Rounds[0].Done || len(out.Rounds[0].Refusals) != 70 {
		t.Errorf("a round for 63: %+v, %v", out, err)
	}
}

// TestLossesAtEveryStep: up to the bound the sum is exact; beyond it the round aborts and reveals nothing.
func TestLossesAtEveryStep(t *testing.T) {
	const n = 10 // A = 1, t = 6: with δ = 30 % at least 7 survive
	for _, at := range []Step{AtShares, AtInput, AtChunk, AtReveal} {
		for lost := range 6 {
			out, err := Run(Config{Seed: uint64(lost), Devices: n, Min: 3, DeltaBP: 3000, Lose: map[Step]int{at: lost}})
			if err != nil {
				t.Fatalf("lose %d at %s: %v", lost, at, err)
			}
			r := out.Rounds[0]
			bearable := lost <= 3
			if at == AtReveal {
				bearable = n-lost >= 6 // t answers
			}
			if r.Done != bearable || r.Done && !r.SumOK {
				t.Errorf("lose %d at %s: done %v (want %v), %s\n%s", lost, at, r.Done, bearable, r.Reason, strings.Join(out.Trace, "\n"))
			}
		}
	}
}

// TestCrashInEveryPhase: the same round goes on with the same included set.
func TestCrashInEveryPhase(t *testing.T) {
	for _, phase := range []string{"keys", "shares", "inputs", "unmask", "settle"} {
		out, err := Run(Config{Seed: 7, Devices: 12, Min: 3, DeltaBP: 3000, Crash: []string{phase}, Lose: map[Step]int{AtInput: 1, AtReveal: 1}})
		if err != nil {
			t.Fatalf("crash in %s: %v", phase, err)
		}
		if r := out.Rounds[0]; !r.Done || !r.SumOK {
			t.Errorf("crash in %s: %+v\n%s", phase, r, strings.Join(out.Trace, "\n"))
		}
	}
}

// TestDeviceRestartsAtEveryStep: a device that is stopped before it sends goes on from its disk and still counts.
func TestDeviceRestartsAtEveryStep(t *testing.T) {
	for _, at := range []Step{AtShares, AtInput, AtChunk, AtReveal} {
		out, err := Run(Config{Seed: 3, Devices: 8, Min: 3, DeltaBP: 3000, Restart: map[Step]int{at: 3}})
		if err != nil {
			t.Fatalf("restart at %s: %v", at, err)
		}
		if r := out.Rounds[0]; !r.Done || !r.SumOK || r.U3 != 8 {
			t.Errorf("restart at %s: %+v\n%s", at, r, strings.Join(out.Trace, "\n"))
		}
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	cfg := Config{Seed: 11, Devices: 9, Min: 3, DeltaBP: 3000, Rounds: 3, Cut: 2, Duplicate: 10, Reorder: 5, Slow: 100 * time.Millisecond, Crash: []string{"inputs"}, Lose: map[Step]int{AtInput: 1}}
	a, err := Run(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Run(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Trace, b.Trace) {
		t.Errorf("two runs of seed %d differ:\n%s\n--- and ---\n%s", cfg.Seed, strings.Join(a.Trace, "\n"), strings.Join(b.Trace, "\n"))
	}
}

// TestRandomFederations draws the faults from the seed too. A failure prints the seed; run it alone with -run and the
// configuration it shows.
func TestRandomFederations(t *testing.T) {
	done := 0
	for seed := range uint64(*seeds) {
		cfg := draw(seed)
		out, err := Run(cfg)
		if err != nil {
			t.Fatalf("%+v: %v\n%s", cfg, err, strings.Join(out.Trace, "\n"))
		}
		for _, r := range out.Rounds {
			if r.Done {
				done++
			}
		}
	}
	if done == 0 {
		t.Fatal("no round of any federation ended well: the faults drawn are too many to find anything")
	}
	t.Logf("%d rounds ended with an exact sum", done)
}

func draw(seed uint64) Config {
	rng := rand.New(rand.NewPCG(seed, 99))
	cfg := Config{Seed: seed, Devices: 3 + rng.IntN(11), Min: 3, DeltaBP: 1000 + 100*rng.IntN(30), Rounds: 1 + rng.IntN(3), D: 1 + rng.IntN(200),
		Lose: map[Step]int{}, Restart: map[Step]int{}, Cut: rng.IntN(4)}
	if rng.IntN(3) == 0 {
		cfg.Duplicate, cfg.Reorder, cfg.Slow = rng.IntN(40), rng.IntN(10), time.Duration(rng.IntN(200))*time.Millisecond
	}
	for _, s := range []Step{AtShares, AtInput, AtChunk, AtReveal} {
		if rng.IntN(3) == 0 {
			cfg.Lose[s] = rng.IntN(3)
		}
		if rng.IntN(3) == 0 {
			cfg.Restart[s] = rng.IntN(3)
		}
	}
	for _, p := range []string{"keys", "shares", "inputs", "unmask", "settle"} {
		if rng.IntN(3) == 0 {
			cfg.Crash = append(cfg.Crash, p)
		}
	}
	return cfg
}

// BenchmarkRound is a whole round, both halves, without training and without a network. The baseline is the sum of as many
// vectors.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{24, 100} {
		b.Run(fmt.Sprintf("devices=%d", n), func(b *testing.B) {
			const d = 8192
			seed := uint64(0)
			for b.Loop() {
				out, err := Run(Config{Seed: seed, Devices: n, Min: 3, DeltaBP: 1500, D: d})
				if err != nil || !out.Rounds[0].Done {
					b.Fatal(err, out.Rounds)
				}
				seed++
			}
			ours := float64(b.Elapsed()) / float64(b.N)
			y, sum := make([]byte, 4*d), make([]uint32, d)
			runs, start := 0, time.Now()
			for runs < 3 || time.Since(start) < 50*time.Millisecond {
				for range n {
					if err := aggregation.AddWords(sum, y, 32); err != nil {
						b.Fatal(err)
					}
				}
				runs++
			}
			b.ReportMetric(ours/(float64(time.Since(start))/float64(runs)), "x-of-plain-sum")
		})
	}
}

// TestTraceOfOneRound shows a newcomer what happens: go test ./sim -run Trace -v.
func TestTraceOfOneRound(t *testing.T) {
	out, err := Run(Config{Seed: 7, Devices: 8, Min: 3, DeltaBP: 3000, Lose: map[Step]int{AtInput: 1}, Crash: []string{"unmask"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + strings.Join(out.Trace, "\n"))
	if r := out.Rounds[0]; !r.Done || r.U3 != 7 {
		t.Errorf("%+v", r)
	}
}

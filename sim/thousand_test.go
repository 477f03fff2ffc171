package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
)

// TestThousandRounds is the promise of secure aggregation in one number: under every mode and mixed suites, with devices lost and restarted at every step, with
// lies, with a network that cuts, repeats and reorders, with witnesses that do not answer, with crashes of the coordinator, every published sum is the plain sum
// of exactly the included inputs, or the round is aborted and logged. Run checks each round; a wrong sum or a round without an
// end is its error, and names the seed.
func TestThousandRounds(t *testing.T) {
	const worlds, rounds = 250, 4
	var done, aborted, lied atomic.Int64
	t.Run("worlds", func(t *testing.T) {
		const batches = 5
		for batch := range uint64(batches) {
			t.Run(fmt.Sprint(batch), func(t *testing.T) {
				t.Parallel()
				for seed := batch; seed < worlds; seed += batches {
					cfg := troubled(seed, rounds)
					out, err := Run(cfg)
					if err != nil {
						t.Fatalf("%+v: %v\n%s", cfg, err, strings.Join(out.Trace, "\n"))
					}
					for _, r := range out.Rounds {
						switch {
						case r.Done && !r.SumOK:
							t.Fatalf("%+v: a sum that nobody checked", cfg)
						case r.Done:
							done.Add(1)
						default:
							aborted.Add(1)
						}
						if r.Done && cfg.Liars > 0 {
							lied.Add(1)
						}
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	t.Logf("%d rounds ended with an exact sum, %d of them among liars; %d were aborted", done.Load(), lied.Load(), aborted.Load())
	if total := done.Load() + aborted.Load(); total != worlds*rounds {
		t.Errorf("%d rounds ended, want %d", total, worlds*rounds)
	}
	if done.Load() < worlds*rounds/4 || aborted.Load() < worlds*rounds/20 || lied.Load() < worlds*rounds/20 {
		t.Error("too few of one kind: the troubles are too many or too small to find anything")
	}
}

// troubled draws a small federation with its troubles from a seed.
func troubled(seed uint64, rounds int) Config {
	rng := rand.New(rand.NewPCG(seed, 1000))
	cfg := Config{Seed: seed, Devices: 4 + rng.IntN(2), Min: 3, DeltaBP: 3000 + 100*rng.IntN(20), Rounds: rounds, D: 1 + rng.IntN(24),
		Lose: map[Step]int{}, Restart: map[Step]int{}}
	cfg.Mode = []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM, aggregation.ModeW}[rng.IntN(3)]
	cfg.Suite = aggregation.Suite{Kex: 1, PRG: uint16(1 + rng.IntN(3)), WordBits: []uint16{32, 24, 16}[rng.IntN(3)]}
	if rng.IntN(25) == 0 {
		cfg.Sig = 2
	}
	if rng.IntN(25) == 0 {
		cfg.Suite.Kex = 2
	}
	if rng.IntN(8) == 0 {
		cfg.Cohorts, cfg.Devices = 2, 8+rng.IntN(2)
	}
	if cfg.Mode == aggregation.ModeW && rng.IntN(3) == 0 {
		cfg.Unsigned = 20
	}
	if rng.IntN(2) == 0 {
		cfg.Cut, cfg.Duplicate, cfg.Reorder, cfg.Slow = rng.IntN(3), rng.IntN(30), rng.IntN(10), time.Duration(rng.IntN(150))*time.Millisecond
	}
	if rng.IntN(2) == 0 {
		cfg.Liars, cfg.Lie = 1+rng.IntN(2), 10+rng.IntN(50)
	}
	for _, s := range []Step{AtShares, AtInput, AtChunk, AtReveal} {
		if rng.IntN(4) == 0 {
			cfg.Lose[s] = 1
		}
		if rng.IntN(4) == 0 {
			cfg.Restart[s] = 1
		}
	}
	for _, p := range []string{"keys", "shares", "inputs", "unmask", "settle"} {
		if rng.IntN(5) == 0 {
			cfg.Crash = append(cfg.Crash, p)
		}
	}
	return cfg
}

package sim

import (
	"strings"
	"testing"
	"time"
)

// TestHostileNetwork duplicates, reorders and delays: the sum is exact or the round aborts with its reason; duplicates alone
// cost nobody its place.
func TestHostileNetwork(t *testing.T) {
	for name, cfg := range map[string]Config{
		"duplicates":         {Duplicate: 40},
		"everything twice":   {Duplicate: 100},
		"overtaking":         {Reorder: 30},
		"slow":               {Slow: 800 * time.Millisecond},
		"all of it":          {Duplicate: 20, Reorder: 20, Slow: 200 * time.Millisecond, Cut: 3},
		"with a crash":       {Duplicate: 30, Crash: []string{"inputs", "unmask"}},
		"with losses":        {Duplicate: 30, Reorder: 5, Lose: map[Step]int{AtInput: 1, AtReveal: 1}},
		"with new processes": {Duplicate: 30, Restart: map[Step]int{AtShares: 2, AtInput: 2, AtChunk: 2, AtReveal: 2}},
	} {
		done := 0
		for seed := range uint64(2) {
			cfg.Seed, cfg.Devices, cfg.Min, cfg.DeltaBP, cfg.Rounds = seed, 7, 3, 3000, 2
			out, err := Run(cfg)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, strings.Join(out.Trace, "\n"))
			}
			for _, r := range out.Rounds {
				if r.Done {
					done++
				}
				if cfg.Reorder == 0 && (!r.Done || r.U3 < 7-len(cfg.Lose) || len(r.Refusals) > 0) {
					t.Errorf("%s, seed %d: %+v\n%s", name, seed, r, strings.Join(out.Trace, "\n"))
				}
			}
		}
		t.Logf("%s: %d of 4 rounds ended with a sum", name, done)
		if done == 0 {
			t.Errorf("%s: no round ended with a sum", name)
		}
	}
}

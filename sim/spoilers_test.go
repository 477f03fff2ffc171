package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator/round"
)

// TestSpoilerSitsOut: one member of eight, which every round with it ends without a sum because of, costs one round and then sits out,
// longer each time; all rounds without it are whole. Coordinators that crash in every phase blame the same, and nobody else is blamed.
func TestSpoilerSitsOut(t *testing.T) {
	for _, c := range []struct {
		lie   Lie
		kex   uint16
		fault round.Fault
		spoil []int // numbers of the rounds that it spoils, of 12
	}{
		{"good boxes for fewer than t, then silence", aggregation.KexX25519, round.BadBoxes, []int{1, 3, 6, 11}},
		{"a wrong ciphertext in its box, then silence", aggregation.KexXWing, round.WrongCiphertext, []int{1, 6}},
	} {
		t.Run(string(c.lie), func(t *testing.T) {
			tried := 0
			for seed := range uint64(4) {
				cfg := Config{Seed: seed, Devices: 8, Min: 3, DeltaBP: 3000, D: 8, Rounds: 12, Liars: 1, Lie: 100, Lies: []Lie{c.lie},
					Suite: aggregation.Suite{Kex: c.kex, PRG: aggregation.PRGAES128, WordBits: 32}}
				if seed%2 == 1 {
					cfg.Crash = []string{"keys", "shares", "inputs", "unmask", "settle"}
				}
				out, err := Run(cfg)
				if err != nil {
					t.Fatalf("%v\n%s", err, strings.Join(out.Trace, "\n"))
				}
				if c.kex == aggregation.KexXWing && out.Rounds[0].Done {
					continue // its index is the greatest: it has nobody to make a ciphertext for
				}
				tried++
				for i, r := range out.Rounds {
					spoilt := slices.Contains(c.spoil, i+1)
					with := map[bool]int{true: 8, false: 7}[spoilt]
					if r.Done == spoilt || r.U1 != with || r.Done && (!r.SumOK || r.U3 != with) {
						t.Errorf("seed %d, round %d: %+v, want it spoilt: %v", seed, i+1, r, spoilt)
					}
					if spoilt && (len(r.Culprits) != 1 || r.Culprits[0].Device != 0 || r.Culprits[0].Fault != c.fault) || !spoilt && len(r.Culprits) > 0 {
						t.Errorf("seed %d, round %d: blamed %+v", seed, i+1, r.Culprits)
					}
				}
			}
			if tried < 2 {
				t.Errorf("only %d of the seeds tried the lie", tried)
			}
		})
	}
}

// TestLosersAreNotStarved: of five devices two are lost in every round, one more than it bears. No such round could end well; still
// nobody sits out more than 4 rounds at once, and for one round never more than one.
func TestLosersAreNotStarved(t *testing.T) {
	blamed, rounds, aborted := 0, 0, 0
	for seed := range uint64(4) {
		cfg := Config{Seed: seed, Devices: 5, Min: 3, DeltaBP: 3000, D: 8, Rounds: 12, Lose: map[Step]int{AtInput: 1, AtReveal: 1}}
		out, err := Run(cfg)
		if err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(out.Trace, "\n"))
		}
		for _, r := range out.Rounds {
			rounds++
			if !r.Done {
				aborted++
			}
			if len(r.Culprits) > 1 {
				t.Errorf("seed %d: one round blames %+v", seed, r.Culprits)
			}
			for _, b := range r.Culprits {
				blamed++
				if b.Fault != round.Absent || b.Out > 4 {
					t.Errorf("seed %d: blamed %+v", seed, b)
				}
			}
		}
	}
	t.Logf("%d rounds, %d of them aborted, %d times somebody was blamed", rounds, aborted, blamed)
	if blamed < rounds/2 {
		t.Error("hardly anybody was blamed: nothing was shown")
	}
}

package sim

import (
	"fmt"
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

// TestQuarrelsCostTheLiar: a liar quarrels with the same honest members in each round that it meets them in, and each such round is
// spoilt. Who quarrels with two at once sits out alone, longer each time, and they take part in every round. With one, nothing tells
// the two apart: one of them sits out, and so the two are hardly ever in a round together. For what that comes to in 2,000 rounds see
// coordinator/round.
func TestQuarrelsCostTheLiar(t *testing.T) {
	const accuse, spoil = aboutVictims, "bad boxes for its victims"
	for _, c := range []struct {
		lie    Lie
		cfg    Config
		honest int // rounds that each honest member takes part in at least
		spoilt int // at most
	}{
		{accuse, Config{Devices: 17, DeltaBP: 600, Rounds: 12, Victims: 2}, 12, 4},
		{spoil, Config{Devices: 8, DeltaBP: 0, Rounds: 12, Victims: 2}, 12, 4},
		{accuse, Config{Devices: 5, DeltaBP: 3000, Rounds: 36, Victims: 1}, 12, 6},
		{spoil, Config{Devices: 5, DeltaBP: 3000, Rounds: 36, Victims: 1}, 12, 6},
	} {
		t.Run(fmt.Sprintf("%s: %d of %d", c.lie, c.cfg.Victims, c.cfg.Devices), func(t *testing.T) {
			cfg := c.cfg
			cfg.Min, cfg.D, cfg.Liars, cfg.Lie, cfg.Lies, cfg.Crash = 3, 1, 1, 100, []Lie{c.lie}, []string{"inputs", "settle"}
			out, err := Run(cfg)
			if err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(out.Trace, "\n"))
			}
			took, spoilt := make([]int, cfg.Devices), 0
			for i, r := range out.Rounds {
				for _, d := range r.Members {
					took[d]++
				}
				met := r.U1 == cfg.Devices
				if r.Done == met {
					t.Errorf("round %d: %+v", i+1, r)
				}
				if !met {
					continue
				}
				spoilt++
				if len(r.Culprits) == 0 || cfg.Victims > 1 && (len(r.Culprits) > 1 || r.Culprits[0].Device != 0) {
					t.Errorf("round %d blames %+v", i+1, r.Culprits)
				}
			}
			t.Logf("of %d rounds the liar took part in %d, the others in %v; %d were spoilt", cfg.Rounds, took[0], took[1:], spoilt)
			if slices.Min(took[1:]) < c.honest || slices.Min(took[1+cfg.Victims:]) < cfg.Rounds || spoilt > c.spoilt {
				t.Errorf("want each honest member in %d, and not more than %d spoilt", c.honest, c.spoilt)
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

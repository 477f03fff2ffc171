package canary

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/internal/raced"
	"github.com/cinesync/cinesync/privacy/empirical"
	"github.com/cinesync/cinesync/sim"
)

// TestAuditTellsNoiseFromLess is the audit of ourselves in CI (design: privacy 14.4): shipped devices in a round of mode W, as
// noisy as the log says, with a tenth of the noise, and with none. What the first claims must stand; both others must be
// refuted, by what the sums show.
func TestAuditTellsNoiseFromLess(t *testing.T) {
	canaries := 256
	if small := raced.On() || testing.Short(); small {
		canaries = 96
	}
	for _, c := range []struct {
		noise sim.Noise
		check func(t *testing.T, f *Finding)
	}{
		{sim.Whole, func(t *testing.T, f *Finding) {
			if f.Caught() || f.Bound.Epsilon > f.Claimed {
				t.Errorf("noise as accounted: ε is at least %.3f, and %.3f is claimed", f.Bound.Epsilon, f.Claimed)
			}
			// An attack that sees nothing at all would prove nothing: the estimate, which scatters, has to be near the claim.
			if f.Estimate < f.Claimed/4 || f.Estimate > f.Claimed*2 || f.Scores.AUC < 0.55 {
				t.Errorf("noise as accounted: ε is about %.3f, AUC %.3f; %.3f is claimed", f.Estimate, f.Scores.AUC, f.Claimed)
			}
		}},
		{sim.Tenth, func(t *testing.T, f *Finding) {
			if !f.Caught() || f.Estimate < 3*f.Claimed {
				t.Errorf("a tenth of the noise: ε is at least %.3f, about %.3f, and that passes for %.3f", f.Bound.Epsilon, f.Estimate, f.Claimed)
			}
		}},
		{sim.None, func(t *testing.T, f *Finding) {
			if !f.Caught() || f.Bound.Epsilon < 3 {
				t.Errorf("no noise: ε is at least %.3f, want 3, and %.3f is claimed", f.Bound.Epsilon, f.Claimed)
			}
		}},
	} {
		t.Run(c.noise.String(), func(t *testing.T) {
			if c.noise == sim.Tenth && canaries < 256 {
				t.Skip("a tenth of the noise takes 256 canaries to refute, which is three minutes under the race detector")
			}
			t.Parallel()
			steps := 0
			f, err := Run(Plan{Seed: 1, Canaries: canaries, Rounds: 1, Noise: c.noise, Delta: 1e-6, Progress: func(done, all int) error {
				if steps++; done != steps || all != canaries*sim.Steps {
					t.Errorf("step %d of %d is the %d. to be told", done, all, steps)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("ε claimed %.3f (ρ = %v, z = %v), at least %.3f (%d of %d guesses), about %.3f; AUC %.3f", f.Claimed, f.Rho, f.Z, f.Bound.Epsilon,
				f.Bound.Correct, f.Bound.Guesses, f.Estimate, f.Scores.AUC)
			if f.Rho != 0.125 || f.Z != 2 || f.Claimed < 2.4 || f.Claimed > 2.45 {
				t.Errorf("ρ = %v and ε = %v at z = %v are not what a round at z = 2 costs", f.Rho, f.Claimed, f.Z)
			}
			if f.In < canaries*2/5 || f.In > canaries*3/5 || f.Bound.Canaries != canaries || steps != canaries*sim.Steps {
				t.Errorf("%d of %d coins said in, %d steps", f.In, f.Bound.Canaries, steps)
			}
			c.check(t, f)
		})
	}
}

// TestAuditWithAClipBit: the claim covers both parts of such a round, and the attack sees the noise missing. Canaries that are in are cut,
// those that are out send zeros in every word.
func TestAuditWithAClipBit(t *testing.T) {
	for _, noise := range []sim.Noise{sim.Whole, sim.None} {
		f, err := Run(Plan{Seed: 1, Canaries: 96, Rounds: 1, Noise: noise, Delta: 1e-6, ClipBit: true})
		if err != nil {
			t.Fatal(err)
		}
		if f.Caught() != (noise == sim.None) || noise == sim.None && f.Bound.Epsilon < 3 {
			t.Errorf("noise %s: ε is at least %.3f, and %.3f is claimed", noise, f.Bound.Epsilon, f.Claimed)
		}
		// 1/10 for the vector, 100/(2·64²) for the bit.
		if f.Rho < 0.1122 || f.Rho > 0.11221 {
			t.Errorf("ρ is %v, want that of both parts", f.Rho)
		}
	}
}

// TestGuessesDoNotKnowTheCoins: scores that tell everything about the coins tell nothing about other coins.
func TestGuessesDoNotKnowTheCoins(t *testing.T) {
	a := &audit{plan: Plan{Canaries: 512, Rounds: 1, Delta: 1e-6}, units: 1 << 37, scores: make([]float64, 512)}
	a.in = empirical.Coins(512, rand.New(rand.NewPCG(1, 1)))
	for i := range a.scores {
		if a.scores[i] = -0.5 - float64(i)/1e4; a.in[i] {
			a.scores[i] = 0.5 + float64(i)/1e4
		}
	}
	f, err := a.judge()
	if err != nil || f.Bound.Correct != 512 || !f.Caught() || f.Scores.AUC != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
	a.in = empirical.Coins(512, rand.New(rand.NewPCG(2, 2)))
	if f, err = a.judge(); err != nil || f.Caught() || f.Bound.Epsilon > 0.1 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestBadPlansAreRefused(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		change func(p *Plan)
		want   string
	}{
		"few canaries":   {func(p *Plan) { p.Canaries = 69 }, "69 canaries are outside 70 to 1000"},
		"many canaries":  {func(p *Plan) { p.Canaries = 1001 }, "1001 canaries"},
		"no rounds":      {func(p *Plan) { p.Rounds = 0 }, "0 rounds"},
		"many rounds":    {func(p *Plan) { p.Rounds = 9 }, "9 rounds"},
		"no δ":           {func(p *Plan) { p.Delta = 0 }, "δ = 0"},
		"δ of one":       {func(p *Plan) { p.Delta = 1 }, "δ = 1"},
		"unknown noise":  {func(p *Plan) { p.Noise = 7 }, "noise 7"},
		"progress stops": {func(p *Plan) { p.Progress = func(int, int) error { return boom } }, "boom"},
	} {
		p := Plan{Canaries: LeastCanaries, Rounds: 1, Delta: 1e-6}
		c.change(&p)
		if f, err := Run(p); f != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

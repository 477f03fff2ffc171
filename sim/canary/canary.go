package canary

import (
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/empirical"
	"github.com/cinesync/cinesync/sim"
)

// Plan is one audit: every member of the roster is a canary.
type Plan struct {
	Seed     uint64
	Canaries int       // LeastCanaries to MostCanaries
	Rounds   int       // 1 to MostRounds; each canary keeps its coin over all of them
	Noise    sim.Noise // how much of the devices' noise reaches the coordinator
	Delta    float64   // of the ε that is claimed
	ClipBit  bool      // rounds ask whether the clip cuts, and it cuts every canary that is in
	// Progress hears how many of all steps are done, and ends the audit with an error. It may be nil.
	Progress func(done, all int) error
}

// Limits of an audit. The policy that devices are shipped with takes rosters of 64, of whom a few may be lost, and its ledger
// pays for 8 rounds.
const (
	LeastCanaries = 70
	MostCanaries  = 1000
	MostRounds    = 8
)

// Significance is the chance of a bound that is too high: one in twenty, 95 % confidence.
const Significance = 0.05

// Finding is what an audit found.
type Finding struct {
	Noise    sim.Noise
	Canaries int
	In       int // canaries whose coin said in
	Rounds   int
	D        int     // words of a vector
	Z        float64 // σ_tot over the clip, as the rounds were opened
	Rho      float64 // charged to one device over all rounds
	Delta    float64
	// Claimed is the ε that Rho stands for at Delta: what the log would say, whatever the noise really was.
	Claimed float64
	// Bound is what the guesses prove.
	Bound empirical.Bound
	// Estimate is the ε at Delta of a Gaussian mechanism that separates scores as far. No bound, but near the truth.
	Estimate float64
	Scores   empirical.Membership
}

// Caught says that the guesses refute the claim.
func (f *Finding) Caught() bool { return f.Bound.Epsilon > f.Claimed }

// audit is a plan under way.
type audit struct {
	plan   Plan
	d      int
	in     []bool    // the coins; update reads them, and the judge at the end
	scores []float64 // by canary, summed over the rounds
	units  privacy.Units
	z      float64
	steps  int
}

// Run simulates the rounds in mode W with shipped devices, attacks what they publish, and compares with the claim.
func Run(p Plan) (*Finding, error) {
	switch {
	case p.Canaries < LeastCanaries || p.Canaries > MostCanaries:
		return nil, fmt.Errorf("audit with canaries: %d canaries are outside %d to %d", p.Canaries, LeastCanaries, MostCanaries)
	case p.Rounds < 1 || p.Rounds > MostRounds:
		return nil, fmt.Errorf("audit with canaries: %d rounds are outside 1 to the %d that a device's ledger pays for", p.Rounds, MostRounds)
	case !(p.Delta > 0 && p.Delta < 1):
		return nil, fmt.Errorf("audit with canaries: δ = %v does not lie between 0 and 1", p.Delta)
	}
	a := &audit{plan: p, d: length(p.Canaries), scores: make([]float64, p.Canaries)}
	a.in = empirical.Coins(p.Canaries, rand.New(rand.NewPCG(p.Seed, 1<<63)))
	out, err := sim.Observe(sim.Config{Seed: p.Seed, Devices: p.Canaries, Min: 64, DeltaBP: 1000, Rounds: p.Rounds, D: a.d,
		Mode: aggregation.ModeW, Shipped: true, ClipBit: p.ClipBit}, sim.Study{Update: a.update, Noise: p.Noise, Sent: a.sent, Published: a.published})
	if err != nil {
		return nil, fmt.Errorf("audit with canaries: %w", err)
	}
	for i, r := range out.Rounds {
		if !r.Done {
			return nil, fmt.Errorf("audit with canaries: round %d was aborted: %s", i+1, r.Reason)
		}
	}
	return a.judge()
}

// length is that of vectors in which so many directions hardly disturb each other: all of them together move a score by
// √(canaries/4d), an eighth, where being in moves it by a half.
func length(canaries int) int { return 16 * canaries }

// direction is a canary's in a round. Fresh ones each round disturb each other less.
func (a *audit) direction(v []float32, canary int, round uint64) {
	empirical.Direction(v, 1, rand.New(rand.NewPCG(a.plan.Seed, round<<32|uint64(canary))))
}

// update is the canary device: the whole clip in its own direction, or the zero vector.
func (a *audit) update(u []float32, device int, round uint64) error {
	if a.in[device] {
		a.direction(u, device, round)
		for i := range u {
			if a.plan.ClipBit {
				u[i] *= 2
			}
		}
	}
	return nil
}

// published is the attacker. It knows the directions and the mean update, which is the step to the next model. What all canaries
// add on average is taken off first, so that a score is about +½ for a canary that is in and −½ for one that is out.
func (a *audit) published(p sim.Published) error {
	sum := p.Grid().Mean(p.Sum, 1)
	v := make([]float32, a.d)
	for i := range a.scores {
		a.direction(v, i, p.Open.Round)
		for j, x := range v {
			sum[j] -= x / 2
		}
	}
	for i := range a.scores {
		a.direction(v, i, p.Open.Round)
		a.scores[i] += empirical.Dot(sum, v)
	}
	a.units += privacy.Units(p.Open.RhoUnits)
	a.z = noiseMultiplier(p.Open.SigmaTotSq, p.Open.CInt)
	return nil
}

func (a *audit) sent() error {
	a.steps++
	if a.plan.Progress == nil {
		return nil
	}
	return a.plan.Progress(a.steps, a.plan.Canaries*a.plan.Rounds*sim.Steps)
}

package canary

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/empirical"
)

// judge opens the coins and compares the guesses with them.
func (a *audit) judge() (*Finding, error) {
	f := &Finding{Noise: a.plan.Noise, Canaries: a.plan.Canaries, Rounds: a.plan.Rounds, D: a.d, Z: a.z, Rho: a.units.Rho(), Delta: a.plan.Delta}
	for _, in := range a.in {
		if in {
			f.In++
		}
	}
	var err error
	if f.Claimed, _, err = privacy.Epsilon(f.Rho, f.Delta); err != nil {
		return nil, fmt.Errorf("audit with canaries: %w", err)
	}
	if f.Bound, err = empirical.LowerBound(a.scores, a.in, empirical.Ladder(len(a.scores)), f.Delta, Significance); err != nil {
		return nil, fmt.Errorf("audit with canaries: %w", err)
	}
	if f.Scores, err = empirical.NewMembership(a.scores, a.in); err != nil {
		return nil, fmt.Errorf("audit with canaries: %w", err)
	}
	if f.Estimate, err = estimate(empirical.Separation(a.scores, a.in), f.Delta); err != nil {
		return nil, fmt.Errorf("audit with canaries: %w", err)
	}
	return f, nil
}

// estimate is the ε of a Gaussian mechanism whose two cases lie so many standard deviations apart.
func estimate(separation, delta float64) (float64, error) {
	if separation <= 0 {
		return 0, nil
	}
	return privacy.GaussianEpsilon(separation*separation/2, delta)
}

func noiseMultiplier(sigmaTotSq uint64, cInt uint32) float64 {
	return math.Sqrt(float64(sigmaTotSq)) / float64(cInt)
}

package privacy

import (
	"fmt"
	"math"
)

// VectorMultiplier returns z_Δ, the noise multiplier that the vector needs beside a clip bit of noise sigmaB (in units in which a bit
// changes a sum by 1/2) so that both together cost what one vector at z does: (z^−2 − (2σ_b)^−2)^(−1/2).
func VectorMultiplier(z, sigmaB float64) (float64, error) {
	if !(z > 0) || !(sigmaB > 0) || math.IsInf(z, 1) || math.IsInf(sigmaB, 1) {
		return 0, fmt.Errorf("split noise: z = %v and σ_b = %v must both be finite and positive", z, sigmaB)
	}
	rest := 1/(z*z) - 1/(4*sigmaB*sigmaB)
	if !(rest > 0) {
		return 0, fmt.Errorf("split noise: at σ_b = %v the clip bit alone costs more than z = %v allows; raise σ_b", sigmaB, z)
	}
	return 1 / math.Sqrt(rest), nil
}

// ClipRule is how the clip follows the noisy bits.
type ClipRule struct {
	Quantile float64 // the part of the devices that should be within the clip, 0.5
	Rate     float64 // of the step, 0.2
	Least    float32 // clips stay between
	Most     float32
}

// Validate refuses a rule that could not move a clip, or moves it out of what floats hold.
func (r ClipRule) Validate() error {
	switch {
	case !(r.Quantile > 0 && r.Quantile < 1):
		return fmt.Errorf("clip rule: quantile is %v, want a number between 0 and 1", r.Quantile)
	case !(r.Rate > 0 && r.Rate <= 1):
		return fmt.Errorf("clip rule: rate is %v, want a number above 0 and up to 1", r.Rate)
	case !(r.Least > 0) || !(r.Most >= r.Least) || math.IsInf(float64(r.Most), 1):
		return fmt.Errorf("clip rule: clips from %v to %v, want two positive numbers in order", r.Least, r.Most)
	}
	return nil
}

// Next is the clip after a round in which survivors devices had the clip c and their bits, b where the clip cut, summed to sum, noise and
// all: C·exp(−rate·(1 − c̄ − quantile)) with c̄ = sum/(b·survivors), taken as a part between 0 and 1. So a round moves the clip by a factor
// of at most e^rate, whatever its devices claim.
func (r ClipRule) Next(c float32, sum int64, survivors int, b uint32) float32 {
	cut := float64(sum) / (float64(b) * float64(survivors))
	cut = min(max(cut, 0), 1)
	next := float32(float64(c) * math.Exp(-r.Rate*(1-cut-r.Quantile)))
	return min(max(next, r.Least), r.Most)
}

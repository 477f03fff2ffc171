package accountant

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/privacy"
)

// GaussianSigma returns the least σ of one Gaussian for (eps, delta) at the given L2 sensitivity, by the exact δ of the continuous
// Gaussian (Balle, Wang, arXiv 1805.06530; design: privacy 7.6).
func GaussianSigma(eps, delta, sensitivity float64) (float64, Figure, error) {
	if err := first(checkEpsilon(eps), checkDelta(delta), within("l2_sensitivity", sensitivity, 1e-9, 1e18)); err != nil {
		return 0, Figure{}, err
	}
	z, err := leastNoise(delta, MinNoise, MaxNoise, 200, func(z float64) (float64, error) {
		return privacy.GaussianDelta(1/(2*z*z), eps), nil
	})
	return z * sensitivity, Figure{Epsilon: eps, Delta: delta, Formula: "exact δ of the Gaussian, arXiv 1805.06530"}, err
}

// SmallestNoise returns the least noise multiplier for (eps, delta) after steps Gaussians on Poisson samples of rate q: exactly for one
// step, else by privacy loss distributions.
func SmallestNoise(eps, delta, q float64, steps int) (float64, Figure, error) {
	f := Figure{Epsilon: eps, Delta: delta, Formula: "exact δ of the Poisson-subsampled Gaussian"}
	if err := first(checkEpsilon(eps), checkDelta(delta), checkRate(q), checkSteps(steps)); err != nil {
		return 0, f, err
	}
	if q == 0 {
		return 0, f, InputError{"sampling_rate", q, "a rate above 0: a mechanism that samples nobody needs no noise"}
	}
	if steps == 1 {
		z, err := leastNoise(delta, MinNoise, MaxNoise, 200, func(z float64) (float64, error) { return SampledDelta(z, q, eps) })
		return z, f, err
	}
	most, _, err := GaussianSigma(eps, delta, 1) // enough without sampling, and sampling only helps
	if err != nil {
		return 0, f, err
	}
	most *= 1.01 * math.Sqrt(float64(steps)) // the grid errs towards more
	f.Formula = pldFormula
	z, err := leastNoise(delta, min(most, 0.2)/2, most, 20, func(z float64) (float64, error) {
		return coarsened(PLD{Noise: z, Rate: q, Steps: steps, Discretisation: DefaultDiscretisation * max(1, eps/4)}, eps)
	})
	return z, f, err
}

// searchSupport is the most points of one step's grid in a search, which takes some forty of them.
const searchSupport = 1 << 18

// coarsened is δ at eps on the finest grid that is not too large: noise far below what is looked for spreads losses far.
func coarsened(p PLD, eps float64) (float64, error) {
	p.Discretisation = min(max(p.Discretisation, p.reach(gridTail/float64(p.Steps))/searchSupport), 0.1)
	for {
		got, err := p.Delta(eps)
		var wrong InputError
		if errors.As(err, &wrong) && wrong.Field == "discretisation" && p.Discretisation < 0.1 {
			p.Discretisation *= 4
			continue
		}
		return got.Delta, err
	}
}

// leastNoise halves, in logarithms, between noise that is too small and noise that is enough; what it returns is enough.
func leastNoise(delta, low, high float64, rounds int, deltaOf func(z float64) (float64, error)) (float64, error) {
	if got, err := deltaOf(high); err != nil || got > delta {
		return 0, cmp.Or(err, fmt.Errorf("δ is %v even at a noise multiplier of %v, more than %v", got, high, delta))
	}
	for range rounds {
		mid := math.Sqrt(low) * math.Sqrt(high)
		if mid <= low || mid >= high {
			break
		}
		got, err := deltaOf(mid)
		if err != nil {
			return 0, err
		}
		if got > delta {
			low = mid
		} else {
			high = mid
		}
	}
	return high, nil
}

// ClipNoise returns z_Δ, the noise multiplier of the vector when a clip bit of noise sigmaBit (where the bit is ±½) is
// published beside it and both together cost what z alone would (Andrew et al. 2021; design: privacy 10.3).
func ClipNoise(z, sigmaBit float64) (float64, error) {
	if err := first(checkNoise(z), within("sigma_b", sigmaBit, MinNoise, MaxNoise)); err != nil {
		return 0, err
	}
	left := 1/(z*z) - 1/(4*sigmaBit*sigmaBit)
	if !(left > 0) {
		return 0, InputError{"sigma_b", sigmaBit, "more than half the noise multiplier: the bit alone would cost it all"}
	}
	return 1 / math.Sqrt(left), nil
}

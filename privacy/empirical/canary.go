package empirical

import (
	"math"
	"math/rand/v2"
)

// Direction fills v with a random direction of L2 norm at most norm, and within a relative 10^−6 of it. Directions of thousands
// of coordinates are nearly orthogonal to each other (cosines of about 1/√len(v)) and to anything else, so each carries its
// own signal: strong canaries (design: privacy 14.3).
func Direction(v []float32, norm float64, rng *rand.Rand) {
	square := 0.0
	for i := range v {
		x := rng.NormFloat64()
		v[i] = float32(x)
		square += x * x
	}
	scale := norm * (1 - 1e-7) / math.Sqrt(square)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}

// Coins tosses a fair coin for each of n canaries: true is in.
func Coins(n int, rng *rand.Rand) []bool {
	in := make([]bool, n)
	for i := range in {
		in[i] = rng.Uint64()>>63 == 1
	}
	return in
}

// Dot is the inner product of two vectors of one length: how far one lies along the other.
func Dot(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// Separation is by how many standard deviations the scores of canaries that were in lie above those of canaries that were out:
// the difference of the means over the pooled deviation. A Gaussian mechanism of cost ρ, attacked as well as can be, gives
// √(2ρ), so it estimates ρ and with it ε. It is an estimate and no bound. It is 0 where one side has fewer than two canaries,
// and infinite where scores do not scatter at all.
func Separation(scores []float64, in []bool) float64 {
	inside, outside := split(scores, in)
	if len(inside) < 2 || len(outside) < 2 {
		return 0
	}
	a, squaresA := moments(inside)
	b, squaresB := moments(outside)
	if a == b {
		return 0
	}
	return (a - b) / math.Sqrt((squaresA+squaresB)/float64(len(scores)-2))
}

// moments returns the mean of v and the sum of squared distances from it.
func moments(v []float64) (mean, squares float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		squares += (x - mean) * (x - mean)
	}
	return mean, squares
}

// split parts scores by whether their canary was in.
func split(scores []float64, in []bool) (inside, outside []float64) {
	for i, s := range scores {
		if in[i] {
			inside = append(inside, s)
		} else {
			outside = append(outside, s)
		}
	}
	return inside, outside
}

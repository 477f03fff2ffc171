package privacy

import "math"

// SumTau returns τ, how far the sum of h discrete Gaussians of parameter sigmaLoc is from one (Kairouz, Liu, Steinke, arXiv
// 2102.06387, theorem 1; design: privacy 7.4):
//
//	τ = 10 Σ_{k=1..h−1} exp(−2π²σ_loc²·k/(k+1)).
//
// It is why CheckNoise asks for σ_loc ≥ 4: from there τ stays below 10^−60 for any roster, and ρ alone tells the cost.
func SumTau(h int, sigmaLoc float64) float64 {
	var sum float64
	for k := 1; k < h; k++ {
		sum += math.Exp(-2 * math.Pi * math.Pi * sigmaLoc * sigmaLoc * float64(k) / float64(k+1))
	}
	return 10 * sum
}

// RoundedBound returns the L2 norm that a vector of d coordinates and norm c, grid units, keeps to after random rounding
// except with probability beta (design: privacy 4, step 2, which solves this for c):
//
//	min(c + √d, √(c² + d/4 + √(2 ln(1/β))·(c + √d/2))).
func RoundedBound(c float64, d int, beta float64) float64 {
	root := math.Sqrt(float64(d))
	square := c*c + float64(d)/4 + math.Sqrt(-2*math.Log(beta))*(c+root/2)
	return min(c+root, math.Sqrt(square))
}

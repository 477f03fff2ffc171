package privacy

import (
	"fmt"
	"math"
	"math/bits"
)

// LargestRho returns the most zCDP whose (ε, delta) by Epsilon is at most eps: the budget that a wanted ε leaves. eps is finite and
// positive, delta lies between 0 and 1, both excluded. The answer is found by halving and never costs more than eps.
func LargestRho(eps, delta float64) (float64, error) {
	if !(eps > 0) || math.IsInf(eps, 1) {
		return 0, fmt.Errorf("compute ρ: ε = %v is not a finite positive number", eps)
	}
	if err := checkBudget(0, delta); err != nil {
		return 0, err
	}
	low, high := 0.0, eps
	for { // ε rises with ρ without bound
		got, _, err := Epsilon(high, delta)
		if err != nil {
			return 0, err
		}
		if got > eps {
			break
		}
		high *= 2
	}
	for range maxHalvings {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			break
		}
		got, _, err := Epsilon(mid, delta)
		if err != nil {
			return 0, err
		}
		if got <= eps {
			low = mid
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0, fmt.Errorf("compute ρ: ε = %v is too small to spend anything at δ = %v", eps, delta)
	}
	return low, nil
}

// ToUnits returns the most whole units that ρ covers, rounded down: a ceiling, never a charge. rho is not negative and below 2^24.
func ToUnits(rho float64) (Units, error) {
	if !(rho >= 0) || rho >= 1<<24 {
		return 0, fmt.Errorf("count units: ρ = %v does not lie between 0 and 2^24", rho)
	}
	return Units(rho * float64(UnitsPerRho)), nil
}

// LeastNoise returns the least σ_tot², grid units squared, at which a round with the L2 bound cInt costs at most each by Charge.
func LeastNoise(cInt uint32, each Units) (uint64, error) {
	if cInt == 0 || each == 0 {
		return 0, fmt.Errorf("find noise: C_int = %d and a cost of %d units must both be positive", cInt, each)
	}
	square := uint64(cInt) * uint64(cInt) // ⌈C²·2^39/σ²⌉ ≤ each exactly if σ² ≥ C²·2^39/each
	high, low := square>>(64-39), square<<39
	if high >= uint64(each) {
		return 0, fmt.Errorf("find noise: at C_int = %d a cost of %d units wants σ_tot² above 2^64; allow more or lower C_int", cInt, each)
	}
	sigmaSq, rest := bits.Div64(high, low, uint64(each))
	if rest != 0 {
		if sigmaSq++; sigmaSq == 0 {
			return 0, fmt.Errorf("find noise: at C_int = %d a cost of %d units wants σ_tot² = 2^64; allow more or lower C_int", cInt, each)
		}
	}
	return max(sigmaSq, 1), nil
}

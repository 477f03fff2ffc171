package privacy

import (
	"fmt"
	"math"
)

// Rho returns the zCDP ρ that u stands for, u·2^−40.
func (u Units) Rho() float64 { return float64(u) / float64(UnitsPerRho) }

// Epsilon returns the least ε for which ρ-zCDP gives (ε, delta)-differential privacy by the conversion of Canonne, Kamath
// and Steinke (arXiv 2004.00010, corollary 13; design: privacy 7.1), and the order α that gave it:
//
//	ε = min over α > 1 of αρ + ln(1 − 1/α) + (ln(1/δ) − ln α)/(α − 1).
//
// rho is finite and not negative, delta lies between 0 and 1, both excluded. ρ = 0 gives ε = 0 at an infinite order.
func Epsilon(rho, delta float64) (eps, order float64, err error) {
	if err := checkBudget(rho, delta); err != nil {
		return 0, 0, err
	}
	if rho == 0 {
		return 0, math.Inf(1), nil
	}
	t := bestOrder(rho, -math.Log(delta))
	// Any α gives a valid ε, so an inexact root costs accuracy and never correctness.
	eps = (1+t)*rho + math.Log(t/(1+t)) + (-math.Log(delta)-math.Log1p(t))/t
	return max(eps, 0), 1 + t, nil
}

// maxHalvings is more than any float64 bracket can be halved before its ends are neighbours.
const maxHalvings = 2200

// bestOrder returns α − 1 at the minimum. The derivative of ε by α is ρ − (ln(1/δ) − ln α)/(α−1)², so with t = α − 1 the
// minimum solves ρt² + ln(1+t) = ln(1/δ). The left side rises from 0 without bound: there is one root, and halving finds it.
func bestOrder(rho, logInvDelta float64) float64 {
	low, high := 0.0, math.Sqrt(logInvDelta/rho) // at high the first term alone is enough
	if far := math.Expm1(logInvDelta); far < high {
		high = far // and here the second
	}
	for range maxHalvings {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			break
		}
		if rho*mid*mid+math.Log1p(mid) < logInvDelta {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// EpsilonLoose returns ρ + 2√(ρ ln(1/δ)) (Bun, Steinke, arXiv 1605.02065, proposition 1.3), which is never below Epsilon.
// It is a check and is not published (design: privacy 7.1).
func EpsilonLoose(rho, delta float64) float64 {
	return rho + 2*math.Sqrt(-rho*math.Log(delta))
}

func checkBudget(rho, delta float64) error {
	if !(rho >= 0) || math.IsInf(rho, 1) {
		return fmt.Errorf("compute ε: ρ = %v is not a finite number of at least 0", rho)
	}
	if !(delta > 0 && delta < 1) {
		return fmt.Errorf("compute ε: δ = %v does not lie between 0 and 1", delta)
	}
	return nil
}

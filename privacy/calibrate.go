package privacy

import "fmt"

// Basis points in a whole: rates γ and δ are whole basis points, so that every party rounds alike.
const wholeBP = 10_000

// maxRoster keeps n·10^4 far inside 64 bits; rosters are a thousandth of it.
const maxRoster = 1 << 24

// smallRoster is the size below which a roster is promised one honest survivor whatever the rates (design: privacy 6.1).
const smallRoster = 64

// minVariance is the least σ_loc²: from σ_loc = 4 a sum of discrete Gaussians is as good as one (design: privacy 7.4).
const minVariance = 16

// minSurvivors is ⌈(1−δ)n⌉.
func minSurvivors(n, deltaBP int) int { return n - n*deltaBP/wholeBP }

// maxCorrupt is A = ⌊γn⌋.
func maxCorrupt(n, gammaBP int) int { return n * gammaBP / wholeBP }

// HonestFloor returns h_min, the least number of honest survivors in a roster of n devices of which at most gammaBP basis
// points work with the coordinator and at most deltaBP are lost: ⌈(1−δ)n⌉ − ⌊γn⌋, and below 64 devices at least 1 (design:
// privacy 6.1). It is 0 or less where the rates leave no honest survivor, and 0 for a roster or a rate that is out of
// range; CheckNoise refuses both.
func HonestFloor(n, gammaBP, deltaBP int) int {
	if n < 1 || n > maxRoster || !isRate(gammaBP) {
		return 0
	}
	return CohortFloor(n, maxCorrupt(n, gammaBP), deltaBP)
}

// CohortFloor is h_min of one cohort of n devices of which at most corrupt work with the coordinator (secure aggregation 14.2): the
// tail bound of a random part of the roster takes the place of ⌊γn⌋. CheckCohortNoise refuses what is below 1.
func CohortFloor(n, corrupt, deltaBP int) int {
	if n < 1 || n > maxRoster || corrupt < 0 || corrupt > n || !isRate(deltaBP) {
		return 0
	}
	h := minSurvivors(n, deltaBP) - corrupt
	if n < smallRoster {
		return max(h, 1)
	}
	return h
}

// LocalVariance returns σ_loc² = ⌈σ_tot²/h_min⌉, the noise that each device adds, in grid units squared (design: privacy
// 6.1). With no honest survivor it is the largest integer, which the sampler refuses.
func LocalVariance(sigmaTotSq uint64, hMin int) uint64 {
	if hMin < 1 {
		return ^uint64(0)
	}
	h := uint64(hMin)
	v := sigmaTotSq / h
	if sigmaTotSq%h != 0 {
		v++
	}
	return v
}

// CheckNoise checks that a roster of n devices at the rates gammaBP and deltaBP can make a total noise of sigmaTotSq, grid
// units squared, with 4 ≤ σ_loc ≤ 2^14 on each device (design: privacy 4.2). Device, coordinator and auditor call it with
// the logged n.
func CheckNoise(n, gammaBP, deltaBP int, sigmaTotSq uint64) error {
	if n < 1 || n > maxRoster {
		return fmt.Errorf("check noise: roster size %d is outside 1 to %d", n, maxRoster)
	}
	if !isRate(gammaBP) || !isRate(deltaBP) {
		return fmt.Errorf("check noise: rates γ = %d and δ = %d basis points must lie in 0 to %d", gammaBP, deltaBP, wholeBP)
	}
	return CheckCohortNoise(n, maxCorrupt(n, gammaBP), deltaBP, sigmaTotSq)
}

// CheckCohortNoise is CheckNoise for one cohort of n devices of which at most corrupt work with the coordinator.
func CheckCohortNoise(n, corrupt, deltaBP int, sigmaTotSq uint64) error {
	h := CohortFloor(n, corrupt, deltaBP)
	if h < 1 {
		return fmt.Errorf("check noise: of %d devices, of which %d may be corrupt, none need be honest and present at δ = %d basis points; lower the rates",
			n, corrupt, deltaBP)
	}
	v := LocalVariance(sigmaTotSq, h)
	if v < minVariance || v > MaxVariance {
		return fmt.Errorf("check noise: σ_loc² = ⌈%d/%d⌉ = %d is outside %d to %d; change σ_tot² or the roster size",
			sigmaTotSq, h, v, minVariance, MaxVariance)
	}
	return nil
}

func isRate(bp int) bool { return bp >= 0 && bp <= wholeBP }

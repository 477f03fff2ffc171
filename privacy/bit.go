package privacy

import (
	"fmt"
	"math/bits"
)

// The clip bit (Andrew, Thakkar, McMahan, Ramaswamy, arXiv 1905.03871; design: privacy 10): one coordinate more in a device's vector, B where
// the clip cut the update, 0 where it did not. A zero update gives zeros alone, and that is the neighbour that ε is counted against. The
// noisy sum says which part of the devices the clip cuts, and the next round's clip moves towards a wanted part.

// BitNoise returns σ² of the clip bit's noise in a whole sum, grid units squared: (B·n_min/10)², rounded up. The estimate then errs by some
// 10 % of the smallest sum's devices, by less in larger ones. It depends on n_min and not on the roster, because the charge is known when
// the round opens. It is (2Bσ_b)² with the design's σ_b = n_min/20.
func BitNoise(nMin, b uint32) (uint64, error) {
	if nMin == 0 || b == 0 {
		return 0, fmt.Errorf("noise of the clip bit: n_min = %d and B = %d must both be positive", nMin, b)
	}
	high, low := bits.Mul64(uint64(b)*uint64(b), uint64(nMin)*uint64(nMin)) // (B·n_min/10)²
	if high >= 100 {
		return 0, fmt.Errorf("noise of the clip bit: n_min = %d at B = %d does not fit 64 bits", nMin, b)
	}
	sigmaSq, rest := bits.Div64(high, low, 100)
	if rest != 0 {
		sigmaSq++
	}
	return sigmaSq, nil
}

// ChargeWithBit returns what a round with a clip bit costs: the vector and the bit are noised apart and charged apart, each rounded up. b is
// the bit's magnitude; with sigmaBitSq 0 there is no bit, and it is Charge.
func ChargeWithBit(cInt uint32, sigmaTotSq uint64, b uint32, sigmaBitSq uint64) (Units, error) {
	units, err := Charge(cInt, sigmaTotSq)
	if err != nil || sigmaBitSq == 0 {
		return units, err
	}
	bit, err := Charge(b, sigmaBitSq)
	if err != nil {
		return 0, fmt.Errorf("clip bit: %w", err)
	}
	sum, ok := units.plus(bit)
	if !ok {
		return 0, fmt.Errorf("charge round: the vector's %d units and the clip bit's %d do not fit 64 bits together", units, bit)
	}
	return sum, nil
}

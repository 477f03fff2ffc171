package privacy

import (
	"fmt"
	"math/bits"
)

// Units counts spent privacy in 2^−40 of zCDP's ρ, always rounded up, so that device, coordinator and auditor add the same
// integers (design: privacy 8.1).
type Units uint64

// UnitsPerRho is ρ = 1.
const UnitsPerRho Units = 1 << 40

// maxUnits is the largest figure; a sum that does not fit is shown as this.
const maxUnits = 1<<64 - 1

// Charge returns what one round costs: ⌈C_int²·2^40/(2σ_tot²)⌉ units, exactly. cInt is the L2 bound in grid units and
// sigmaTotSq the round's total noise in grid units squared. Zeros, and a charge that does not fit 64 bits, are refused.
func Charge(cInt uint32, sigmaTotSq uint64) (Units, error) {
	if cInt == 0 || sigmaTotSq == 0 {
		return 0, fmt.Errorf("charge round: C_int = %d and σ_tot² = %d must both be positive", cInt, sigmaTotSq)
	}
	// C²·2^40/(2σ²) = C²·2^39/σ², at most 103 bits over 64.
	square := uint64(cInt) * uint64(cInt)
	high, low := square>>(64-39), square<<39
	if high >= sigmaTotSq {
		return 0, fmt.Errorf("charge round: C_int = %d at σ_tot² = %d costs more than 2^64 units; the noise is far too small", cInt, sigmaTotSq)
	}
	units, rest := bits.Div64(high, low, sigmaTotSq)
	if rest != 0 {
		if units++; units == 0 {
			return 0, fmt.Errorf("charge round: C_int = %d at σ_tot² = %d costs 2^64 units; the noise is far too small", cInt, sigmaTotSq)
		}
	}
	return Units(units), nil
}

// plus returns u + v, or false where the sum does not fit.
func (u Units) plus(v Units) (Units, bool) {
	sum, carry := bits.Add64(uint64(u), uint64(v), 0)
	return Units(sum), carry == 0
}

// capped returns the lesser of u + v and ceiling.
func (u Units) capped(v, ceiling Units) Units {
	if sum, ok := u.plus(v); ok && sum < ceiling {
		return sum
	}
	return ceiling
}

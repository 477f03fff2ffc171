package participant

import (
	"io"
	"math/big"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// The clip bit (privacy 12): one word more after the vector, B where the clip cut the update and 0 where it did not, with a noise of
// its own. A history that says nothing makes a zero update, and so a zero in every word.

// noisy reports whether a round has the policy's noise, exactly. A vector alone wants σ_tot ≥ z·C_int; with a clip bit both together
// may cost what one vector at z does: C_int²/σ_tot² + B²/σ_bit² ≤ 1/z².
func (f Floor) noisy(o *audit.RoundOpen) bool {
	if o.SigmaTotSq == 0 {
		return false
	}
	cost := square(o.CInt, o.SigmaTotSq)
	if o.SigmaBitSq != 0 {
		cost.Add(cost, square(o.BitSize(), o.SigmaBitSq))
	}
	z := new(big.Rat).SetFrac(new(big.Int).SetUint64(f.ZDen), new(big.Int).SetUint64(f.ZNum))
	return cost.Cmp(z.Mul(z, z)) <= 0
}

// square is norm²/σ².
func square(norm uint32, sigmaSq uint64) *big.Rat {
	n := new(big.Int).SetUint64(uint64(norm))
	return new(big.Rat).SetFrac(n.Mul(n, n), new(big.Int).SetUint64(sigmaSq))
}

// checkBit holds the clip bit of a cohort of n against the limits of privacy 3.3: its sum must not wrap.
func checkBit(o *audit.RoundOpen, n int) error {
	if o.SigmaBitSq == 0 {
		return nil
	}
	if err := aggregation.CheckWord(n, o.BitSize(), o.SigmaBitSq, o.WordBits); err != nil {
		return refuse(F03BelowFloor, "clip bit: %v", err)
	}
	if int(o.D) >= aggregation.MaxWords {
		return refuse(F03BelowFloor, "a vector of %d words leaves no room for a clip bit", o.D)
	}
	return nil
}

// appendBit writes the bit behind the quantised vector.
func appendBit(o *audit.RoundOpen, within bool, out io.Writer) error {
	if o.SigmaBitSq == 0 {
		return nil
	}
	var bit uint32
	if !within {
		bit = o.BitSize()
	}
	_, err := out.Write(aggregation.Pack([]uint32{bit}, 32))
	return err
}

// bitNoise draws this device's share of the bit's noise, from a stream of its own.
func bitNoise(o *audit.RoundOpen, hMin int, random io.Reader) (*privacy.Gaussian, func(), error) {
	key, err := privacy.NewSessionStream(random)
	if err != nil {
		return nil, nil, err
	}
	noise, err := privacy.NewGaussian(privacy.LocalVariance(o.SigmaBitSq, hMin), key)
	if err != nil {
		key.Zero()
		return nil, nil, err
	}
	return noise, func() { noise.Zero(); key.Zero() }, nil
}

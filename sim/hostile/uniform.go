package hostile

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// uniform wants a vector to look like one of uniform words: none small, and as many ones as zeros but for 6 standard
// deviations (a chance of 2·10⁻⁹ to be wrong). Mask or not is a difference of thousands of them.
func uniform(v []uint32) error {
	ones, small := 0, 0
	for _, w := range v {
		ones += bits.OnesCount32(w)
		if w < 1<<12 || -w < 1<<12 {
			small++
		}
	}
	n := float64(32 * len(v))
	if far := math.Abs(float64(ones)-n/2) / math.Sqrt(n/4); far > 6 {
		return fmt.Errorf("%d of %.0f bits are ones, %.1f standard deviations from half", ones, n, far)
	}
	if small > 1 {
		return fmt.Errorf("%d of %d words are small", small, len(v))
	}
	return nil
}

// plain is the suite of the hostile rounds.
var plain = aggregation.Suite{Kex: aggregation.KexX25519, PRG: aggregation.PRGAES128, WordBits: 32}

// selfTerm takes a self mask off.
func selfTerm(b, sid [32]byte) aggregation.Term {
	mask := aggregation.SelfMask(aggregation.Session{Suite: plain, SID: sid}, b)
	mask.Negative = true
	return mask
}

// pairTerm is the mask between the member whose m is known and another.
func pairTerm(m, openHash, sid [32]byte, known, other int, key protocol.KeyBundle) (aggregation.Term, error) {
	in := aggregation.Session{Suite: plain, OpenHash: openHash, SID: sid}
	masks, err := aggregation.PairMasks(in, m, uint32(known), aggregation.PeerKey{Index: uint32(other), SPK: key.SPK})
	if err != nil {
		return aggregation.Term{}, err
	}
	masks[0].Negative = false
	return masks[0], nil
}

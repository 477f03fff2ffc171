package central

import (
	"crypto/sha256"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/privacy"
)

// Noise is that of a round: σ_tot = Z·C_int, which any honest survivors of the rates carry together.
type Noise struct {
	Z                float64
	GammaBP, DeltaBP int
}

// sigmaTotSq is σ_tot² on a grid.
func (n Noise) sigmaTotSq(cInt uint32) uint64 {
	return uint64(math.Ceil(n.Z * n.Z * float64(cInt) * float64(cInt)))
}

// Grid is the coarsest that a round of these updates may have.
func Grid(clip float32, d int) aggregation.Grid {
	c := uint32(math.Ceil(8*math.Sqrt(float64(d)))) + 1
	return aggregation.Grid{C: clip, CInt: c, XMax: c, D: d, WordBits: 32}
}

// Rho is what one round costs a device whose updates have d words.
func (n Noise) Rho(clip float32, d int) (float64, error) {
	g := Grid(clip, d)
	units, err := privacy.Charge(g.CInt, n.sigmaTotSq(g.CInt))
	return units.Rho(), err
}

// mean is the decoded sum of what devices would send, without their masks.
func (n Noise) mean(updates [][]float32, clip float32, seed uint64, round int) ([]float32, error) {
	people, g := len(updates), Grid(clip, len(updates[0]))
	total, floor := n.sigmaTotSq(g.CInt), privacy.HonestFloor(people, n.GammaBP, n.DeltaBP)
	if err := g.Validate(people, total); err != nil {
		return nil, err
	}
	variance := max(1, privacy.LocalVariance(total, floor))
	parts, errs := make([][]uint32, people), make([]error, people)
	par.Do(people, func(i int) {
		stream := func(what string) [32]byte {
			return sha256.Sum256(fmt.Appendf(nil, "central %s %d %d %d", what, seed, round, i))
		}
		x, err := g.Quantise(updates[i], privacy.NewStream(stream("coins")))
		if err == nil {
			parts[i], err = privacy.Perturb(x, variance, privacy.NewStream(stream("noise")))
		}
		errs[i] = err
	})
	sum := make([]uint32, g.D)
	for i, part := range parts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		aggregation.Add(sum, part)
	}
	return g.Mean(aggregation.Signed(sum, g.WordBits), people), nil
}

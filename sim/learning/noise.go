package learning

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/privacy"
)

// stream is a generator of its own for each use, member or block, and round.
func (r *run) stream(use string, who, number int) io.Reader {
	b := append([]byte("cinesync/learning/"), use...)
	for _, v := range []uint64{r.cfg.Seed, uint64(who), uint64(number)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return privacy.NewStream(sha256.Sum256(b))
}

// coins round a member's update.
func (r *run) coins(who, number int) io.Reader {
	if r.cfg.Coins != nil {
		return r.cfg.Coins(who, number)
	}
	return r.stream("coins", who, number)
}

// noiseBlock is how many coordinates draw from one stream; blocks are drawn beside each other.
const noiseBlock = 4096

// addNoise draws the noise of the whole round on the sum: an exact discrete Gaussian a coordinate. A variance that is too large for
// the sampler is shared by several draws, as in a real round by devices.
func (r *run) addNoise(number, members int) error {
	if r.cfg.Noise == 0 {
		return nil
	}
	sigma := r.cfg.Noise * float64(r.cfg.Grid.CInt)
	if r.cfg.As > 0 {
		sigma *= float64(members) / float64(r.cfg.As)
	}
	variance := sigma * sigma
	draws := max(1, math.Ceil(variance/privacy.MaxVariance))
	each := uint64(math.Ceil(variance / draws))
	blocks := (len(r.total) + noiseBlock - 1) / noiseBlock
	errs := make([]error, blocks)
	par.Do(blocks, func(b int) {
		g, err := privacy.NewGaussian(each, r.stream("noise", b, number))
		if err != nil {
			errs[b] = err
			return
		}
		for j := b * noiseBlock; j < min((b+1)*noiseBlock, len(r.total)); j++ {
			for range int(draws) {
				x, err := g.Sample()
				if err != nil {
					errs[b] = err
					return
				}
				r.total[j] += x
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("draw noise of σ = %v grid units: %w", sigma, err)
		}
	}
	return nil
}

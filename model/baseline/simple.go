package baseline

import (
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/split"
)

// Random scores by chance: what a figure is worth that knows nothing.
type Random struct{ seed uint64 }

// NewRandom takes the seed of the chance.
func NewRandom(seed uint64) *Random { return &Random{seed} }

// Scores draws a score for each title, always the same for one user.
func (r *Random) Scores(user int, _ []int, dst []float32) error {
	rng := rand.New(rand.NewPCG(r.seed, uint64(user)))
	for i := range dst {
		dst[i] = rng.Float32()
	}
	return nil
}

// Popularity scores a title by how many users watched it in training.
type Popularity struct{ counts []float32 }

// NewPopularity counts.
func NewPopularity(t split.Train) *Popularity {
	p := &Popularity{counts: make([]float32, t.Items)}
	for i, n := range t.Counts() {
		p.counts[i] = float32(n)
	}
	return p
}

// Scores gives everybody the same.
func (p *Popularity) Scores(_ int, _ []int, dst []float32) error {
	if err := fits(dst, len(p.counts)); err != nil {
		return err
	}
	copy(dst, p.counts)
	return nil
}

func fits(dst []float32, items int) error {
	if len(dst) != items {
		return fmt.Errorf("place for %d scores, the baseline knows %d titles", len(dst), items)
	}
	return nil
}

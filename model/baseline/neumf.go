package baseline

import (
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/batch"
	"github.com/cinesync/cinesync/model/split"
)

// NeuMF is the neural matrix factorisation of He et al. (2017), trained at one place: it sees every user's history, which no device of
// ours gives away. A user without a training title is scored by the random
// start; one beyond the training data is refused.
type NeuMF struct{ model *batch.NeuMF }

// NeuMFOptions are NeuMF's. Zero values stand for the defaults.
type NeuMFOptions struct {
	Epochs    int // over all pairs; 0: 20
	Negatives int // drawn beside each pair; 0: 4
	Seed      uint64
	Stop      Stop
}

const (
	mostEpochs    = 1000
	mostNegatives = 100
)

// NewNeuMF trains from a small random start, without pre-training.
func NewNeuMF(t split.Train, o NeuMFOptions) (*NeuMF, error) {
	if o.Epochs == 0 {
		o.Epochs = 20
	}
	if o.Negatives == 0 {
		o.Negatives = 4
	}
	if o.Epochs < 1 || o.Epochs > mostEpochs || o.Negatives < 1 || o.Negatives > mostNegatives {
		return nil, fmt.Errorf("NeuMF: %d epochs with %d negatives a pair, want 1 to %d and 1 to %d", o.Epochs, o.Negatives, mostEpochs, mostNegatives)
	}
	shape := batch.NeuMFShape(len(t.Histories), t.Items)
	people := make([][]int32, len(t.Histories))
	for u, h := range t.Histories {
		for _, i := range h {
			people[u] = append(people[u], int32(i))
		}
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x6e65756d66))
	samples, err := batch.NewSamples(people, shape)
	if err != nil {
		return nil, fmt.Errorf("NeuMF: %w", err)
	}
	samples.Stop = o.Stop
	m, err := batch.NewNeuMF(shape, rng)
	if err != nil {
		return nil, fmt.Errorf("NeuMF: %w", err)
	}
	for e := range o.Epochs {
		if _, err := samples.NeuMF(m, o.Negatives, rng); err != nil {
			return nil, fmt.Errorf("NeuMF: epoch %d: %w", e+1, err)
		}
	}
	return &NeuMF{model: m}, nil
}

// Scores knows a user by number; the history is in the user's vector already.
func (m *NeuMF) Scores(user int, _ []int, dst []float32) error { return m.model.Scores(dst, user) }

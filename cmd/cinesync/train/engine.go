package train

import (
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/graph"
)

// Graphs is the reference engine: gradients by the gorgonia graphs of model/graph, one loss a cut. It draws the same cuts from the same generator as
// the hand-written engine and takes the same steps, hundreds of times slower.
type Graphs struct{}

// Trainer is one of a round's model.
func (Graphs) Trainer(s *model.Snapshot) (model.Trainer, error) {
	if s.Layout.Family != model.TwoTowerFamily {
		return nil, fmt.Errorf("the reference engine trains %s alone: the user vectors of %s are solved by hand-written code; use --engine hand", model.TwoTowerFamily, s.Layout.Family)
	}
	return &graphTrainer{layout: s.Layout, params: s.Params}, nil
}

type graphTrainer struct {
	layout model.Layout
	params []float32
	cutter model.Cutter
	local  []float32
}

// Update is model.Trainer's.
func (t *graphTrainer) Update(dst []float32, history []model.Example, l model.Local, rng *rand.Rand) (float64, error) {
	switch {
	case l.Negatives != 0:
		return 0, fmt.Errorf("the reference engine compares with the whole catalogue: local.negatives is %d, want 0, or use --engine hand", l.Negatives)
	case len(dst) != t.layout.Size() || len(history) < 2:
		return 0, fmt.Errorf("update of %d values from %d titles: want %d values and 2 titles at least", len(dst), len(history), t.layout.Size())
	}
	t.local = append(t.local[:0], t.params...)
	var loss float64
	for range l.Steps {
		var err error
		if loss, err = t.step(history, l, rng); err != nil {
			return 0, err
		}
	}
	at := 0
	for _, tensor := range t.layout.Tensors {
		for i := at; i < at+tensor.Size(); i++ {
			dst[i] = tensor.Group * (t.local[i] - t.params[i])
		}
		at += tensor.Size()
	}
	return loss, nil
}

// step goes against the mean gradient of fresh cuts.
func (t *graphTrainer) step(history []model.Example, l model.Local, rng *rand.Rand) (float64, error) {
	cuts := t.cutter.Draw(history, l, rng)
	mean := make([]float64, len(t.local))
	var loss float64
	for _, c := range cuts {
		one, grad, err := graph.Gradient(t.layout, t.local, model.Sample{Past: c.Past, Targets: c.Next})
		if err != nil {
			return 0, err
		}
		loss += one / float64(len(cuts))
		for i, g := range grad {
			mean[i] += g / float64(len(cuts))
		}
	}
	at := 0
	for _, tensor := range t.layout.Tensors {
		rate := float64(l.Rate)
		if tensor.Name == "w" {
			rate = float64(l.RateDense)
		}
		for i := at; i < at+tensor.Size(); i++ {
			t.local[i] -= float32(rate * mean[i])
		}
		at += tensor.Size()
	}
	return loss, nil
}

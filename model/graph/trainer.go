package graph

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model"
)

// trainer is the reference engine: the local function of both families, each gradient by automatic differentiation of one
// cut's loss.
type trainer struct {
	layout    model.Layout
	params    []float32
	cutter    model.Cutter
	negatives []int
}

// NewTrainer prepares local training of a model by its graphs. For the same generator it draws the same samples as the model's own
// Trainer and its updates are the same within rounding; it is slower by orders of magnitude and allocates. params are read and
// never changed.
func NewTrainer(l model.Layout, params []float32) (model.Trainer, error) {
	if _, err := model.Open(l); err != nil {
		return nil, fmt.Errorf("reference engine: %w", err)
	}
	if l.Family != model.TwoTowerFamily && l.Family != model.NCFFamily {
		return nil, fmt.Errorf("reference engine: family %q has no graph; train it by hand", l.Family)
	}
	if len(params) != l.Size() {
		return nil, fmt.Errorf("reference engine: %d parameters for a layout of %d", len(params), l.Size())
	}
	return &trainer{layout: l, params: params}, nil
}

// Update is model.Trainer's.
func (t *trainer) Update(dst []float32, history []model.Example, l model.Local, rng *rand.Rand) (loss float64, err error) {
	if err := model.CheckTraining(t.layout, t.params, history, l); err != nil {
		return 0, err
	}
	if len(dst) != len(t.params) {
		return 0, fmt.Errorf("update: %d places for a layout of %d", len(dst), len(t.params))
	}
	local := append([]float32(nil), t.params...)
	for step := range l.Steps {
		var grad []float64
		if loss, grad, err = t.gradient(local, history, l, rng); err != nil {
			return 0, fmt.Errorf("train: step %d: %w", step, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return 0, fmt.Errorf("train: the loss of step %d is %v: the model has run away, or a rate (%v) is too high", step, loss, l.Rate)
		}
		t.descend(local, grad, l)
	}
	at := 0
	for _, tensor := range t.layout.Tensors {
		for i := at; i < at+tensor.Size(); i++ {
			dst[i] = (local[i] - t.params[i]) * tensor.Group
		}
		at += tensor.Size()
	}
	return loss, nil
}

// gradient is the mean loss and slope of one step's cuts.
func (t *trainer) gradient(local []float32, history []model.Example, l model.Local, rng *rand.Rand) (loss float64, grad []float64, err error) {
	cuts := t.cutter.Draw(history, l, rng)
	t.negatives = model.DrawNegatives(t.negatives[:0], l, len(t.layout.Items), rng)
	grad = make([]float64, len(local))
	for _, cut := range cuts {
		part, slope, err := Gradient(t.layout, local, model.Sample{Past: cut.Past, Targets: cut.Next, Negatives: t.negatives})
		if err != nil {
			return 0, nil, err
		}
		loss += part / float64(len(cuts))
		for i, g := range slope {
			grad[i] += g / float64(len(cuts))
		}
	}
	return loss, grad, nil
}

// descend takes one SGD step: item vectors and biases at one rate, the small tensors at another (design: accuracy 3).
func (t *trainer) descend(local []float32, grad []float64, l model.Local) {
	at := 0
	for _, tensor := range t.layout.Tensors {
		rate := l.RateDense
		if tensor.Name == "v" || tensor.Name == "b" {
			rate = l.Rate
		}
		for i := at; i < at+tensor.Size(); i++ {
			local[i] = float32(float64(local[i]) - float64(rate)*grad[i])
		}
		at += tensor.Size()
	}
}

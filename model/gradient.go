package model

import "fmt"

// Sample is one loss that a local function takes the gradient of, opened up so that another engine can check it.
type Sample struct {
	Past      []int // history, oldest first
	Targets   []int
	Negatives []int // the sample that stands for the catalogue; none: the whole catalogue
}

// Gradient is the loss of one sample and its gradient at params.
func Gradient(l Layout, params []float32, s Sample) (loss float64, grad []float32, err error) {
	m, err := Open(l)
	if err != nil {
		return 0, nil, err
	}
	if err := l.checkParams(params); err != nil {
		return 0, nil, err
	}
	grad = make([]float32, len(params))
	switch m := m.(type) {
	case *twoTower:
		t := &towerTrainer{m: m, params: params, pool: newPool(l.Ages)}
		cuts, one := []Cut{{s.Past, s.Targets}}, Local{Rate: 1, RateDense: 1}
		t.forward(params, cuts)
		if len(s.Negatives) == 0 {
			loss = t.whole(params, grad, cuts, one, true)
		} else {
			t.sampled.items = append(t.sampled.items, s.Negatives...)
			t.sampled.with(cuts)
			loss = t.some(params, grad, cuts, one, true)
		}
		t.backward(params, grad, cuts, one, true)
	case *ncf:
		loss = m.one(params, grad, s)
	default:
		return 0, nil, fmt.Errorf("family %q has no gradient to check", l.Family)
	}
	for i := range grad {
		grad[i] = -grad[i] // a step goes against the gradient
	}
	return loss, grad, nil
}

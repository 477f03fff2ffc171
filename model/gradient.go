package model

import "fmt"

// Sample is one loss that a local function takes the gradient of, opened up so that another engine can check it.
type Sample struct {
	Past      []int     // history, oldest first (two-tower)
	User      []float32 // solved user vector (ncf)
	Targets   []int
	Negatives []int // ncf: what the targets are compared with; two-tower: the whole catalogue
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
		loss = t.whole(params, grad, cuts, one, true)
		t.backward(params, grad, cuts, one, true)
		for i := range grad {
			grad[i] = -grad[i] // a step goes against the gradient
		}
	case *ncf:
		items := append(append([]int(nil), s.Targets...), s.Negatives...)
		loss, _ = m.gradient(params, grad, s.User, items, len(s.Targets))
	default:
		return 0, nil, fmt.Errorf("family %q has no gradient to check", l.Family)
	}
	return loss, grad, nil
}

package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Model is one family on one layout. Rounds, masks, serving and the GPU do not know which family runs.
type Model interface {
	Layout() Layout
	// Train fine-tunes on one person's history (oldest first) and returns local minus global, multiplied by the clip-group
	// factors, with the mean loss of the last step. It does not change params.
	Train(params []float32, history []Example, l Local, rng *rand.Rand) (update []float32, loss float64, err error)
	// Scorer prepares scoring for one person.
	Scorer(params []float32, history []Example) (Scorer, error)
}

// Scorer scores every item for one person: dst has one place an item.
type Scorer interface{ Scores(dst []float32) }

// The families.
const (
	TwoTowerFamily = "two-tower"
	NCFFamily      = "ncf"
)

// Open gives the model of a layout, which must be exactly the one its family makes for these titles and this width.
func Open(l Layout) (Model, error) {
	want, err := newLayout(l.Family, l.Items, l.Dim)
	if err != nil {
		return nil, err
	}
	same := slices.EqualFunc(l.Tensors, want.Tensors, func(a, b Tensor) bool {
		return a.Name == b.Name && a.Group == b.Group && slices.Equal(a.Shape, b.Shape)
	})
	if !same {
		return nil, fmt.Errorf("layout: the tensors are not those of family %q with %d titles of width %d", l.Family, len(l.Items), l.Dim)
	}
	switch l.Family {
	case TwoTowerFamily:
		return &twoTower{layout: l}, nil
	case NCFFamily:
		return &ncf{layout: l}, nil
	}
	return nil, fmt.Errorf("model family %q is unknown: want %s or %s", l.Family, TwoTowerFamily, NCFFamily)
}

func newLayout(family string, items []string, dim int) (Layout, error) {
	switch family {
	case TwoTowerFamily:
		return twoTowerLayout(items, dim), nil
	case NCFFamily:
		return ncfLayout(items, dim), nil
	}
	return Layout{}, fmt.Errorf("model family %q is unknown: want %s or %s", family, TwoTowerFamily, NCFFamily)
}

// New makes version 0: item vectors from public content features (items × f), nothing from anyone's history.
func New(family string, items []string, features [][]float32, dim int) (*Snapshot, error) {
	l, err := newLayout(family, items, dim)
	if err != nil {
		return nil, err
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	start, err := ContentStart(features, len(items), dim)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Layout: l, Params: make([]float32, l.Size())}
	copy(l.tensor(s.Params, "v"), start)
	switch family {
	case TwoTowerFamily:
		startTowers(l, s.Params)
	case NCFFamily:
		startNCF(l, s.Params)
	}
	return s, nil
}

// subtract gives (local − global)·factor, tensor by tensor.
func subtract(l Layout, local, global []float32) []float32 {
	out := make([]float32, len(local))
	at := 0
	for _, t := range l.Tensors {
		for i := at; i < at+t.Size(); i++ {
			out[i] = (local[i] - global[i]) * t.Group
		}
		at += t.Size()
	}
	return out
}

// tensor gives the parameters of one tensor, as a window into params.
func (l Layout) tensor(params []float32, name string) []float32 {
	at, n, ok := l.Offset(name)
	if !ok {
		panic("model: no tensor " + name) // families name their own tensors
	}
	return params[at : at+n : at+n]
}

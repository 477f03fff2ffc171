package model

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cinesync/cinesync/model/kernel"
)

// Model is one family on one layout. Rounds, masks, serving and the GPU do not know which family runs.
type Model interface {
	Layout() Layout
	// Trainer prepares local training from params, which it reads and never changes.
	Trainer(params []float32) Trainer
	// Scorer prepares scoring for one person.
	Scorer(params []float32, history []Example) (Scorer, error)
}

// Trainer runs the local function on one history after another, always from the same parameters, in memory that it keeps: no
// call allocates once its buffers have grown to the longest history. It is not for concurrent use.
type Trainer interface {
	// Update fine-tunes on one person's history (oldest first) and writes local minus global, multiplied by the clip-group
	// factors, to dst, one place a coordinate of the layout. The loss is the mean of the last step.
	Update(dst []float32, history []Example, l Local, rng *rand.Rand) (loss float64, err error)
}

// Train is one update of a Trainer of its own, for those who need a single one.
func Train(m Model, params []float32, history []Example, l Local, rng *rand.Rand) (update []float32, loss float64, err error) {
	update = make([]float32, m.Layout().Size())
	if loss, err = m.Trainer(params).Update(update, history, l, rng); err != nil {
		return nil, 0, err
	}
	return update, loss, nil
}

// Scorer scores every item for one person: dst has one place an item.
type Scorer interface{ Scores(dst []float32) }

// The families.
const (
	TwoTowerFamily = "two-tower"
	NCFFamily      = "ncf"
	// The heads over a frozen two-tower.
	SequentialFamily = "sequential"
	HybridFamily     = "hybrid"
)

// Spec is the choice of a model: what a layout is made from beside its titles.
type Spec struct {
	Family string
	Dim    int       // width of an item vector
	Ages   []float32 // channels of a pooled history; nil: DefaultAges
	Half   bool      // the file stores halves, and so will every model that is trained from it
}

// DefaultAges are the channels of the recency tower (design: accuracy 3): the whole history, and two recencies.
func DefaultAges() []float32 { return []float32{0, 4, 20} }

// Open gives the model of a layout, which must be exactly the one its family makes for these titles and this spec.
func Open(l Layout) (Model, error) {
	want, err := Spec{Family: l.Family, Dim: l.Dim, Ages: l.Ages}.Layout(l.Items)
	if err != nil {
		return nil, err
	}
	same := slices.EqualFunc(l.Tensors, want.Tensors, func(a, b Tensor) bool {
		return a.Name == b.Name && slices.Equal(a.Shape, b.Shape)
	})
	if !same {
		return nil, fmt.Errorf("layout: the tensors are not those of family %q with %d titles of width %d", l.Family, len(l.Items), l.Dim)
	}
	switch l.Family {
	case TwoTowerFamily:
		return &twoTower{layout: l}, nil
	case NCFFamily:
		return &ncf{layout: l}, nil
	case SequentialFamily:
		return &head{layout: l}, nil
	case HybridFamily:
		return &head{layout: l, towers: &twoTower{layout: l}}, nil
	}
	return nil, fmt.Errorf("model family %q is unknown: want %s, %s, %s or %s", l.Family, TwoTowerFamily, NCFFamily, SequentialFamily, HybridFamily)
}

// Layout is the layout of the family for these titles, every clip-group factor 1.
func (s Spec) Layout(items []string) (Layout, error) {
	if s.Ages == nil {
		s.Ages = DefaultAges()
	}
	switch s.Family {
	case TwoTowerFamily:
		return twoTowerLayout(items, s.Dim, s.Ages), nil
	case NCFFamily:
		return ncfLayout(items, s.Dim, s.Ages), nil
	case SequentialFamily, HybridFamily:
		return headLayout(s.Family, items, s.Dim, s.Ages), nil
	}
	return Layout{}, fmt.Errorf("model family %q is unknown: want %s, %s, %s or %s", s.Family, TwoTowerFamily, NCFFamily, SequentialFamily, HybridFamily)
}

// New makes version 0: item vectors from public content features (items × f), nothing from anyone's history.
func New(family string, items []string, features [][]float32, dim int) (*Snapshot, error) {
	return Spec{Family: family, Dim: dim}.New(items, features)
}

// New makes version 0 of the model. Features (items × f) are public; without any (nil) the item vectors are RandomStart's.
func (s Spec) New(items []string, features [][]float32) (*Snapshot, error) {
	l, err := s.Layout(items)
	if err != nil {
		return nil, err
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	var start []float32
	if features == nil {
		start = RandomStart(len(items), s.Dim)
	} else if start, err = ContentStart(features, len(items), s.Dim); err != nil {
		return nil, err
	}
	snap := &Snapshot{Layout: l, Params: make([]float32, l.Size())}
	copy(l.tensor(snap.Params, "v"), start)
	switch s.Family {
	case TwoTowerFamily:
		startTowers(l, snap.Params)
	case NCFFamily:
		startNCF(l, snap.Params)
	default:
		return nil, fmt.Errorf("family %q starts from a trained two-tower", s.Family)
	}
	if s.Half {
		return snap.InHalves()
	}
	return snap, nil
}

// scale multiplies an update by the clip-group factors, tensor by tensor.
func (l Layout) scale(update []float32) {
	at := 0
	for _, t := range l.Tensors {
		if t.Group != 1 {
			kernel.Scale(t.Group, update[at:at+t.Size()])
		}
		at += t.Size()
	}
}

// tensor gives the parameters of one tensor, as a window into params.
func (l Layout) tensor(params []float32, name string) []float32 {
	at, n, ok := l.Offset(name)
	if !ok {
		panic("model: no tensor " + name) // families name their own tensors
	}
	return params[at : at+n : at+n]
}

package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// head is a small self-attentive reader of the newest titles of a history over frozen item vectors: two blocks of causal
// self-attention and a feed-forward layer (Kang and McAuley 2018, "Self-Attentive Sequential Recommendation", with distances instead of
// places and root-mean-square normalisation). Its output is the user's vector z, score(i) = z·V[i] + b[i]. Item vectors and biases are
// frozen: their clip-group factor is 0, and only the head travels.
//
// In the hybrid family the frozen two-tower's vector is added to z, so that the head begins as that model and learns what it lacks.
type head struct {
	layout Layout
	towers *twoTower // of the frozen part; nil in the sequential family
}

const (
	headBlocks = 2
	headWindow = 64 // newest titles that are read
)

// headTensors are those that both families train, in order.
func headTensors(dim int) []Tensor {
	out := []Tensor{}
	square := []int{dim, dim}
	for b := range headBlocks {
		add := func(name string, shape ...int) {
			out = append(out, Tensor{Name: fmt.Sprintf("%s.%d", name, b), Shape: shape, Group: 1})
		}
		add("near", headWindow) // added to the attention between titles so far apart
		add("gain", 2, dim)     // of the two normalisations
		add("query", square...)
		add("key", square...)
		add("value", square...)
		add("mix", square...)
		add("up", square...)
		add("lift", dim)
		add("down", square...)
		add("drop", dim)
	}
	return append(out, Tensor{Name: "gain", Shape: []int{dim}, Group: 1}, Tensor{Name: "out", Shape: square, Group: 1})
}

func headLayout(family string, items []string, dim int, ages []float32) Layout {
	l := Layout{Family: family, Dim: dim, Ages: ages, Items: items, Tensors: []Tensor{{Name: "v", Shape: []int{len(items), dim}}}}
	if family == HybridFamily {
		l.Tensors = append(l.Tensors, Tensor{Name: "w", Shape: []int{len(ages), dim, dim}})
	}
	l.Tensors = append(l.Tensors, Tensor{Name: "b", Shape: []int{len(items)}})
	l.Tensors = append(l.Tensors, headTensors(dim)...)
	return l
}

// startHead makes a head that passes the newest title on (sequential) or says nothing yet (hybrid).
func startHead(l Layout, params []float32) {
	rng := rand.New(rand.NewPCG(5, 6)) // public, the same for everyone
	d := l.Dim
	random := func(name string, scale float64) {
		w := l.tensor(params, name)
		for i := range w {
			w[i] = float32(rng.NormFloat64() * scale / math.Sqrt(float64(d)))
		}
	}
	ones := func(name string) {
		for i, w := 0, l.tensor(params, name); i < len(w); i++ {
			w[i] = 1
		}
	}
	for b := range headBlocks {
		for _, name := range []string{"query", "key", "value", "up"} {
			random(fmt.Sprintf("%s.%d", name, b), 1)
		}
		for _, name := range []string{"mix", "down"} {
			random(fmt.Sprintf("%s.%d", name, b), 0.1)
		}
		ones(fmt.Sprintf("gain.%d", b))
	}
	ones("gain")
	if l.Family == SequentialFamily {
		for k, w := 0, l.tensor(params, "out"); k < d; k++ {
			w[k*d+k] = 1
		}
	}
}

// NewHead makes version 0 of a sequential or hybrid head over a trained two-tower, whose item vectors, biases and, for the hybrid,
// towers it takes and freezes.
func NewHead(family string, base *Snapshot) (*Snapshot, error) {
	if base.Layout.Family != TwoTowerFamily {
		return nil, fmt.Errorf("a head reads the item vectors of a two-tower, not of family %q", base.Layout.Family)
	}
	l, err := Spec{Family: family, Dim: base.Layout.Dim, Ages: base.Layout.Ages}.Layout(base.Layout.Items)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Layout: l, Params: make([]float32, l.Size())}
	frozen := false
	for _, t := range l.Tensors {
		if t.Group == 0 {
			copy(l.tensor(s.Params, t.Name), base.Layout.tensor(base.Params, t.Name))
			frozen = true
		}
	}
	if !frozen {
		return nil, fmt.Errorf("family %q has no frozen part: it starts by itself", family)
	}
	startHead(l, s.Params)
	return s, nil
}

func (m *head) Layout() Layout { return m.layout }

// headScorer is one person's vector.
type headScorer struct {
	m      *head
	params []float32
	z      []float32
}

func (m *head) Scorer(params []float32, history []Example) (Scorer, error) {
	if err := checkHistory(m.layout, params, history); err != nil {
		return nil, err
	}
	items := make([]int, len(history))
	for i, e := range history {
		items[i] = e.Item
	}
	t := m.trainer(params)
	newest := items[max(0, len(items)-headWindow):]
	t.read(params, newest)
	z := make([]float32, m.layout.Dim)
	t.users(params, z, []int{len(newest) - 1})
	t.addTowers(params, z, items)
	return &headScorer{m, params, z}, nil
}

func (s *headScorer) UserVector() []float32 { return s.z }

func (s *headScorer) Scores(dst []float32) {
	l := s.m.layout
	kernel.NT(dst, s.z, l.tensor(s.params, "v"), 1, len(l.Items), l.Dim)
	kernel.Add(dst, l.tensor(s.params, "b"))
}

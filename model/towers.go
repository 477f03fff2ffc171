package model

import (
	"fmt"

	"github.com/cinesync/cinesync/model/kernel"
)

// twoTower is the recency tower: z = Σ_c W_cᵀ Σ_j w_c(age_j) V[j], score(i) = z·V[i] + b[i]. Both towers share V, and the
// user's side is the history itself, so that no user table exists (design: accuracy 3).
type twoTower struct{ layout Layout }

func twoTowerLayout(items []string, dim int, ages []float32) Layout {
	return Layout{Family: TwoTowerFamily, Dim: dim, Ages: ages, Items: items, Tensors: []Tensor{
		{Name: "v", Shape: []int{len(items), dim}, Group: 1},
		{Name: "w", Shape: []int{len(ages), dim, dim}, Group: 1},
		{Name: "b", Shape: []int{len(items)}, Group: 1},
	}}
}

// startTowers sets W to I for the first channel and I/2 for the others.
func startTowers(l Layout, params []float32) {
	w := l.tensor(params, "w")
	for c := range l.Ages {
		v := float32(0.5)
		if c == 0 {
			v = 1
		}
		for k := range l.Dim {
			w[c*l.Dim*l.Dim+k*l.Dim+k] = v
		}
	}
}

func (m *twoTower) Layout() Layout { return m.layout }

// user is the vector of a history.
func (m *twoTower) user(params []float32, past []int) []float32 {
	d, ages := m.layout.Dim, m.layout.Ages
	z := make([]float32, d)
	m.addUser(z, params, past, newPool(ages), make([]float32, len(ages)*d))
	return z
}

// addUser adds the vector of a history to z; pooled is room for channels × d.
func (m *twoTower) addUser(z, params []float32, past []int, p *pool, pooled []float32) {
	d := m.layout.Dim
	p.forward(pooled, d, m.layout.tensor(params, "v"), past, d)
	w := m.layout.tensor(params, "w")
	for c := range m.layout.Ages {
		kernel.AddNN(z, pooled[c*d:(c+1)*d], w[c*d*d:(c+1)*d*d], 1, d, d)
	}
}

// UserScorer is the scorer of a family whose user is one vector: score(i) = user·V[i] + b[i].
type UserScorer interface {
	Scorer
	UserVector() []float32
}

type towerScorer struct {
	m      *twoTower
	params []float32
	z      []float32
}

func (m *twoTower) Scorer(params []float32, history []Example) (Scorer, error) {
	if err := checkHistory(m.layout, params, history); err != nil {
		return nil, err
	}
	items := make([]int, len(history))
	for i, e := range history {
		items[i] = e.Item
	}
	return &towerScorer{m, params, m.user(params, items)}, nil
}

// VectorScorer scores for a user vector that somebody else holds (width Dim), where the family has one.
func VectorScorer(s *Snapshot, user []float32) (Scorer, error) {
	if s.Layout.Family != TwoTowerFamily {
		return nil, fmt.Errorf("family %q has no user vector of its own; ask with titles", s.Layout.Family)
	}
	if len(user) != s.Layout.Dim {
		return nil, fmt.Errorf("a user vector of %d numbers, this model's have %d", len(user), s.Layout.Dim)
	}
	return &towerScorer{&twoTower{layout: s.Layout}, s.Params, user}, nil
}

func (s *towerScorer) UserVector() []float32 { return s.z }

func (s *towerScorer) Scores(dst []float32) {
	l := s.m.layout
	kernel.NT(dst, s.z, l.tensor(s.params, "v"), 1, len(l.Items), l.Dim)
	kernel.Add(dst, l.tensor(s.params, "b"))
}

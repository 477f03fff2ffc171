package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// twoTower is the recency tower: z = Σ_c W_cᵀ Σ_j w_c(age_j) V[j], score(i) = z·V[i] + b[i]. Both towers share V, and the
// user's side is the history itself, so that no user table exists.
type twoTower struct{ layout Layout }

// channels pool the history: uniformly, and by two recencies (in items).
const channels = 3

func twoTowerLayout(items []string, dim int) Layout {
	return Layout{Family: TwoTowerFamily, Dim: dim, Items: items, Tensors: []Tensor{
		{Name: "v", Shape: []int{len(items), dim}, Group: 1},
		{Name: "w", Shape: []int{channels, dim, dim}, Group: 1},
		{Name: "b", Shape: []int{len(items)}, Group: 1},
	}}
}

// startTowers sets W to I for the uniform channel and I/2 for the others.
func startTowers(l Layout, params []float32) {
	w := l.tensor(params, "w")
	for c := range channels {
		v := float32(0.5)
		if c == 0 {
			v = 1
		}
		for k := range l.Dim {
			w[c*l.Dim*l.Dim+k*l.Dim+k] = v
		}
	}
}

// pooling gives the weight of each history item (oldest first) in each channel.
func pooling(n int) [channels][]float32 {
	var out [channels][]float32
	for c := range out {
		out[c] = make([]float32, n)
		var norm float64
		for j := range n {
			age := float64(n - 1 - j)
			w := [channels]float64{1, math.Exp(-age / 4), math.Exp(-age / 20)}[c]
			out[c][j] = float32(w)
			norm += w * w
		}
		scale := float32(1 / math.Sqrt(max(norm, 1e-12)))
		for j := range n {
			out[c][j] *= scale
		}
	}
	return out
}

func (m *twoTower) Layout() Layout { return m.layout }

// towerState is one forward pass.
type towerState struct {
	weights [channels][]float32
	pooled  [channels][]float32 // p_c = Σ_j w_c V[j]
	z       []float32
}

func (m *twoTower) general(v []float32, rows int) blas32.General {
	return blas32.General{Rows: rows, Cols: m.layout.Dim, Stride: m.layout.Dim, Data: v}
}

func vec(v []float32) blas32.Vector { return blas32.Vector{N: len(v), Inc: 1, Data: v} }

func (m *twoTower) forward(params []float32, history []int) *towerState {
	d := m.layout.Dim
	v, w := m.layout.tensor(params, "v"), m.layout.tensor(params, "w")
	st := &towerState{weights: pooling(len(history)), z: make([]float32, d)}
	for c := range channels {
		p := make([]float32, d)
		for j, item := range history {
			blas32.Axpy(st.weights[c][j], vec(v[item*d:(item+1)*d]), vec(p))
		}
		st.pooled[c] = p
		blas32.Gemv(blas.Trans, 1, m.general(w[c*d*d:(c+1)*d*d], d), vec(p), 1, vec(st.z))
	}
	return st
}

// gradient adds the gradient of the mean cross-entropy of the targets, by softmax over the whole catalogue, to grad, and
// returns the loss.
func (m *twoTower) gradient(params, grad []float32, history, targets []int) float64 {
	d, n := m.layout.Dim, len(m.layout.Items)
	v, w, b := m.layout.tensor(params, "v"), m.layout.tensor(params, "w"), m.layout.tensor(params, "b")
	gv, gw, gb := m.layout.tensor(grad, "v"), m.layout.tensor(grad, "w"), m.layout.tensor(grad, "b")
	st := m.forward(params, history)
	g := make([]float32, n)
	copy(g, b)
	blas32.Gemv(blas.NoTrans, 1, m.general(v, n), vec(st.z), 1, vec(g))
	loss := crossEntropy(g, targets)
	dz := make([]float32, d)
	blas32.Gemv(blas.Trans, 1, m.general(v, n), vec(g), 0, vec(dz))
	blas32.Ger(1, vec(g), vec(st.z), m.general(gv, n))
	blas32.Axpy(1, vec(g), vec(gb))
	dp := make([]float32, d)
	for c := range channels {
		wc := m.general(w[c*d*d:(c+1)*d*d], d)
		blas32.Ger(1, vec(st.pooled[c]), vec(dz), m.general(gw[c*d*d:(c+1)*d*d], d))
		blas32.Gemv(blas.NoTrans, 1, wc, vec(dz), 0, vec(dp))
		for j, item := range history {
			blas32.Axpy(st.weights[c][j], vec(dp), vec(gv[item*d:(item+1)*d]))
		}
	}
	return loss
}

// crossEntropy turns scores into the gradient of the targets' mean loss, in place, and returns that loss. Targets are
// places in s.
func crossEntropy(s []float32, targets []int) float64 {
	top := s[0]
	for _, x := range s {
		top = max(top, x)
	}
	var sum float64
	for _, x := range s {
		sum += math.Exp(float64(x - top))
	}
	logSum := math.Log(sum) + float64(top)
	var loss float64
	for _, t := range targets {
		loss += (logSum - float64(s[t])) / float64(len(targets))
	}
	for i, x := range s {
		s[i] = float32(math.Exp(float64(x) - logSum))
	}
	for _, t := range targets {
		s[t] -= 1 / float32(len(targets))
	}
	return loss
}

// Train is the two-tower's local function: a few SGD steps, each on some random cuts of the history.
func (m *twoTower) Train(params []float32, history []Example, l Local, rng *rand.Rand) ([]float32, float64, error) {
	if err := checkTraining(m.layout, params, history, l); err != nil {
		return nil, 0, err
	}
	local := append([]float32(nil), params...)
	grad := make([]float32, len(params))
	var loss float64
	for range l.Steps {
		clear(grad)
		loss = 0
		for range l.Cuts {
			past, next := cut(history, l, rng)
			loss += m.gradient(local, grad, past, next) / float64(l.Cuts)
		}
		descend(m.layout, local, grad, l)
	}
	return subtract(m.layout, local, params), loss, nil
}

// descend takes one SGD step along the mean gradient of the cuts.
func descend(layout Layout, local, grad []float32, l Local) {
	at := 0
	for _, t := range layout.Tensors {
		rate := l.RateDense
		if t.Name == "v" || t.Name == "b" {
			rate = l.Rate
		}
		blas32.Axpy(-rate/float32(l.Cuts), vec(grad[at:at+t.Size()]), vec(local[at:at+t.Size()]))
		at += t.Size()
	}
}

func checkTraining(layout Layout, params []float32, history []Example, l Local) error {
	if err := checkHistory(layout, params, history); err != nil {
		return err
	}
	if l.Name != layout.Family {
		return fmt.Errorf("local function %q on a model of family %q", l.Name, layout.Family)
	}
	if len(history) < 2 {
		return fmt.Errorf("a history of %d known titles: at least 2 are needed to learn what follows what", len(history))
	}
	return l.check()
}

func checkHistory(layout Layout, params []float32, history []Example) error {
	if err := layout.checkParams(params); err != nil {
		return err
	}
	if len(history) == 0 {
		return fmt.Errorf("nothing is known of this person: the history is empty")
	}
	for _, e := range history {
		if e.Item < 0 || e.Item >= len(layout.Items) {
			return fmt.Errorf("item %d of %d", e.Item, len(layout.Items))
		}
	}
	return nil
}

// cut draws a place in the history: what came before it, some of it left out, and the next few items as targets.
func cut(history []Example, l Local, rng *rand.Rand) (past, next []int) {
	at := 1 + rng.IntN(len(history)-1)
	for _, e := range history[:at] {
		if rng.Float32() >= l.Dropout {
			past = append(past, e.Item)
		}
	}
	if len(past) == 0 {
		past = append(past, history[at-1].Item)
	}
	for _, e := range history[at:min(at+int(l.Next), len(history))] {
		next = append(next, e.Item)
	}
	return past, next
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
	return &towerScorer{m, params, m.forward(params, items).z}, nil
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
	copy(dst, l.tensor(s.params, "b"))
	blas32.Gemv(blas.NoTrans, 1, s.m.general(l.tensor(s.params, "v"), len(l.Items)), vec(s.z), 1, vec(dst))
}

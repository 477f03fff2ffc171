package model

import (
	"math"
	"math/rand/v2"
)

// ncf is NeuMF over one item table (He et al. 2017):
//
//	score(u,i) = h·(u∘V[i]) + o·relu(A₂ relu(P u + Q V[i] + c₁) + c₂) + b[i].
//
// The user's vector u is never sent: it is solved from the history where the history is, each time anew (Federated Reconstruction,
// Singhal et al. 2021). It starts at 0 and takes one step for each channel of the layout,
//
//	u ← u + s_c∘h∘(Σ_j w_c(age_j) (V[j] − Σ_i p(i) V[i])),  p = softmax(V (h∘u) + b):
//
// up the likelihood, under the GMF half, of the history as channel c weighs it. The rates s_c are learned like all else, and gradients go
// through the steps (Finn et al. 2017; Li et al. 2017).
type ncf struct{ layout Layout }

func ncfLayout(items []string, dim int, ages []float32) Layout {
	h1, h2 := hidden(dim)
	return Layout{Family: NCFFamily, Dim: dim, Ages: ages, Items: items, Tensors: []Tensor{
		{Name: "v", Shape: []int{len(items), dim}, Group: 1},
		{Name: "b", Shape: []int{len(items)}, Group: 1},
		{Name: "s", Shape: []int{len(ages), dim}, Group: 1},
		{Name: "h", Shape: []int{dim}, Group: 1},
		{Name: "p", Shape: []int{h1, dim}, Group: 1},
		{Name: "q", Shape: []int{h1, dim}, Group: 1},
		{Name: "c1", Shape: []int{h1}, Group: 1},
		{Name: "a2", Shape: []int{h2, h1}, Group: 1},
		{Name: "c2", Shape: []int{h2}, Group: 1},
		{Name: "o", Shape: []int{h2}, Group: 1},
	}}
}

// hidden are the widths of the MLP tower.
func hidden(dim int) (h1, h2 int) { return dim, max(1, dim/2) }

// startNCF starts the GMF half at the plain inner product, with steps of one half, and the MLP half at small fixed random weights.
func startNCF(l Layout, params []float32) {
	setAll(l.tensor(params, "h"), 1)
	setAll(l.tensor(params, "s"), 0.5)
	rng := rand.New(rand.NewPCG(1, 2)) // public, the same for everyone
	h1, h2 := hidden(l.Dim)
	for _, t := range []struct {
		name string
		fan  int
	}{{"p", 2 * l.Dim}, {"q", 2 * l.Dim}, {"a2", h1}, {"o", h2}} {
		w := l.tensor(params, t.name)
		for i := range w {
			w[i] = float32(rng.NormFloat64() / math.Sqrt(float64(t.fan)) / 2)
		}
	}
}

func setAll(v []float32, x float32) {
	for i := range v {
		v[i] = x
	}
}

func (m *ncf) Layout() Layout { return m.layout }

// ncfTensors are windows into a vector that has one place a parameter: the parameters themselves, or a gradient.
type ncfTensors struct {
	v, b  []float32
	small []float32 // all that follows, in one piece
	s, h  []float32
	p, q  []float32
	c1    []float32
	a2    []float32
	c2, o []float32
}

// open cuts params into the family's tensors.
func (m *ncf) open(params []float32) (t ncfTensors) {
	next := func(n int) []float32 {
		w := params[:n:n]
		params = params[n:]
		return w
	}
	n, d := len(m.layout.Items), m.layout.Dim
	h1, h2 := hidden(d)
	t.v, t.b = next(n*d), next(n)
	t.small = params
	t.s, t.h = next(len(m.layout.Ages)*d), next(d)
	t.p, t.q, t.c1 = next(h1*d), next(h1*d), next(h1)
	t.a2, t.c2, t.o = next(h2*h1), next(h2), next(h2)
	return t
}

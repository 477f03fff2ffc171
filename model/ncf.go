package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// ncf is NeuMF over one item table (He et al. 2017): score(u,i) = h·(u∘V[i]) + o·relu(A₂ relu(A₁ [u;V[i]] + c₁) + c₂) + b[i].
// The user's vector u is solved on the device each time from its own history, with everything else frozen, and is never
// sent (Federated Reconstruction, Singhal et al. 2021).
type ncf struct{ layout Layout }

func ncfLayout(items []string, dim int, ages []float32) Layout {
	h1, h2 := hidden(dim)
	return Layout{Family: NCFFamily, Dim: dim, Ages: ages, Items: items, Tensors: []Tensor{
		{Name: "v", Shape: []int{len(items), dim}, Group: 1},
		{Name: "b", Shape: []int{len(items)}, Group: 1},
		{Name: "h", Shape: []int{dim}, Group: 1},
		{Name: "a1", Shape: []int{h1, 2 * dim}, Group: 1},
		{Name: "c1", Shape: []int{h1}, Group: 1},
		{Name: "a2", Shape: []int{h2, h1}, Group: 1},
		{Name: "c2", Shape: []int{h2}, Group: 1},
		{Name: "o", Shape: []int{h2}, Group: 1},
	}}
}

// hidden are the widths of the MLP tower.
func hidden(dim int) (h1, h2 int) { return dim, max(1, dim/2) }

// startNCF starts the GMF half at the plain inner product and the MLP half at small fixed random weights.
func startNCF(l Layout, params []float32) {
	for i, h := 0, l.tensor(params, "h"); i < len(h); i++ {
		h[i] = 1
	}
	rng := rand.New(rand.NewPCG(1, 2)) // public, the same for everyone
	h1, h2 := hidden(l.Dim)
	for _, t := range []struct {
		name string
		fan  int
	}{{"a1", 2 * l.Dim}, {"a2", h1}, {"o", h2}} {
		w := l.tensor(params, t.name)
		for i := range w {
			w[i] = float32(rng.NormFloat64() / math.Sqrt(float64(t.fan)) / 2)
		}
	}
}

// ncfPass holds one item's forward pass and the windows into parameters it needs.
type ncfPass struct {
	d, h1, h2              int
	v, b, h, a1, c1, a2    []float32
	c2, o                  []float32
	in, first, second, tmp []float32
	tmp1                   []float32
}

func (m *ncf) pass(params []float32) *ncfPass {
	t := func(name string) []float32 { return m.layout.tensor(params, name) }
	d := m.layout.Dim
	h1, h2 := hidden(d)
	return &ncfPass{d: d, h1: h1, h2: h2, v: t("v"), b: t("b"), h: t("h"), a1: t("a1"), c1: t("c1"), a2: t("a2"), c2: t("c2"), o: t("o"),
		in: make([]float32, 2*d), first: make([]float32, h1), second: make([]float32, h2), tmp: make([]float32, h2), tmp1: make([]float32, h1)}
}

func (p *ncfPass) item(i int) []float32 { return p.v[i*p.d : (i+1)*p.d] }

// score is the forward pass of one item; it leaves the activations for backward.
func (p *ncfPass) score(u []float32, i int) float32 {
	v := p.item(i)
	s := p.b[i]
	for k := range u {
		s += p.h[k] * u[k] * v[k]
	}
	copy(p.in, u)
	copy(p.in[p.d:], v)
	dense(p.first, p.a1, p.c1, p.in)
	dense(p.second, p.a2, p.c2, p.first)
	return s + blas32.Dot(vec(p.o), vec(p.second))
}

// dense is out = relu(a·in + c).
func dense(out, a, c, in []float32) {
	copy(out, c)
	blas32.Gemv(blas.NoTrans, 1, matrix(a, len(out)), vec(in), 1, vec(out))
	for i, x := range out {
		out[i] = max(0, x)
	}
}

func matrix(a []float32, rows int) blas32.General {
	return blas32.General{Rows: rows, Cols: len(a) / rows, Stride: len(a) / rows, Data: a}
}

// backward adds g times the gradient of score(u,i), whose activations are in p, to grad and to du. A nil grad leaves the
// parameters frozen.
func (p *ncfPass) backward(grad *ncfPass, du, u []float32, i int, g float32) {
	v := p.item(i)
	for k := range p.tmp {
		p.tmp[k] = 0
		if p.second[k] > 0 {
			p.tmp[k] = g * p.o[k]
		}
	}
	blas32.Gemv(blas.Trans, 1, matrix(p.a2, p.h2), vec(p.tmp), 0, vec(p.tmp1))
	for k := range p.tmp1 {
		if p.first[k] <= 0 {
			p.tmp1[k] = 0
		}
	}
	a1 := matrix(p.a1, p.h1)
	for k := range u {
		du[k] += g * p.h[k] * v[k]
	}
	userHalf := blas32.General{Rows: a1.Rows, Cols: p.d, Stride: a1.Stride, Data: a1.Data}
	blas32.Gemv(blas.Trans, 1, userHalf, vec(p.tmp1), 1, vec(du))
	if grad == nil {
		return
	}
	gv := grad.item(i)
	for k := range u {
		gv[k] += g * p.h[k] * u[k]
		grad.h[k] += g * u[k] * v[k]
	}
	itemHalf := blas32.General{Rows: a1.Rows, Cols: p.d, Stride: a1.Stride, Data: a1.Data[p.d:]}
	blas32.Gemv(blas.Trans, 1, itemHalf, vec(p.tmp1), 1, vec(gv))
	grad.b[i] += g
	blas32.Axpy(g, vec(p.second), vec(grad.o))
	blas32.Ger(1, vec(p.tmp), vec(p.first), matrix(grad.a2, p.h2))
	blas32.Axpy(1, vec(p.tmp), vec(grad.c2))
	blas32.Ger(1, vec(p.tmp1), vec(p.in), matrix(grad.a1, p.h1))
	blas32.Axpy(1, vec(p.tmp1), vec(grad.c1))
}

// gradient is the softmax cross-entropy of the targets (the first n of items) among all of items. It adds to grad unless
// that is nil, and returns the loss and its gradient at u.
func (m *ncf) gradient(params, grad, u []float32, items []int, targets int) (float64, []float32) {
	p := m.pass(params)
	var gp *ncfPass
	if grad != nil {
		gp = m.pass(grad)
	}
	s := make([]float32, len(items))
	for at, i := range items {
		s[at] = p.score(u, i)
	}
	want := make([]int, targets)
	for i := range want {
		want[i] = i
	}
	loss := crossEntropy(s, want)
	du := make([]float32, len(u))
	for at, i := range items {
		p.score(u, i)
		p.backward(gp, du, u, i, s[at])
	}
	return loss, du
}

// Reconstruction of the user vector: from the mean of the history's vectors, a few gradient steps with all else frozen.
const (
	solveSteps = 5
	solveRate  = 0.5
	solveDecay = 0.05 // pulls towards where it started, so that a short history does not run away
	solveNegs  = 50
	solveItems = 30 // newest items that are fitted
)

func (m *ncf) solve(params []float32, past []int, negatives func(n int, not []int) []int) []float32 {
	d := m.layout.Dim
	v := m.layout.tensor(params, "v")
	u := make([]float32, d)
	ages := m.layout.Ages
	pooled := make([]float32, len(ages)*d)
	newPool(ages).forward(pooled, d, v, past, d)
	for c := range ages {
		// As the two-tower starts: the first channel, and half of each other.
		share := float32(0.5)
		if c == 0 {
			share = 1
		}
		blas32.Axpy(share, vec(pooled[c*d:(c+1)*d]), vec(u))
	}
	start := append([]float32(nil), u...)
	recent := past[max(0, len(past)-solveItems):]
	items := append(append([]int(nil), recent...), negatives(solveNegs, past)...)
	for range solveSteps {
		_, du := m.gradient(params, nil, u, items, len(recent))
		for k := range u {
			u[k] -= solveRate*du[k] + solveDecay*(u[k]-start[k])
		}
	}
	return u
}

func (m *ncf) Layout() Layout { return m.layout }

// ncfTrainer is NCF's local function: at each cut the user vector is solved on the past, then the shared parameters step on
// what came next.
type ncfTrainer struct {
	m      *ncf
	params []float32
	cutter Cutter
}

func (m *ncf) Trainer(params []float32) Trainer { return &ncfTrainer{m: m, params: params} }

func (t *ncfTrainer) Update(dst []float32, history []Example, l Local, rng *rand.Rand) (float64, error) {
	m := t.m
	if err := checkTraining(m.layout, t.params, history, l); err != nil {
		return 0, err
	}
	if err := m.layout.checkParams(dst); err != nil {
		return 0, fmt.Errorf("update: %w", err)
	}
	own := map[int]bool{}
	for _, e := range history {
		own[e.Item] = true
	}
	draw := func(n int, _ []int) []int { return m.negatives(n, own, rng) }
	local := append([]float32(nil), t.params...)
	grad := make([]float32, len(t.params))
	var loss float64
	for range l.Steps {
		clear(grad)
		loss = 0
		for _, cut := range t.cutter.Draw(history, l, rng) {
			u := m.solve(local, cut.Past, draw)
			items := append(append([]int(nil), cut.Next...), draw(int(max(1, l.Negatives)), nil)...)
			part, _ := m.gradient(local, grad, u, items, len(cut.Next))
			loss += part / float64(l.Cuts)
		}
		descend(m.layout, local, grad, l)
	}
	for i := range dst {
		dst[i] = local[i] - t.params[i]
	}
	m.layout.scale(dst)
	return loss, nil
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

func vec(v []float32) blas32.Vector { return blas32.Vector{N: len(v), Inc: 1, Data: v} }

// negatives draws up to n items that are not in own.
func (m *ncf) negatives(n int, own map[int]bool, rng *rand.Rand) []int {
	total := len(m.layout.Items)
	var out []int
	for try := 0; len(out) < min(n, total-len(own)) && try < 20*n; try++ {
		if i := rng.IntN(total); !own[i] {
			out = append(out, i)
		}
	}
	return out
}

type ncfScorer struct {
	m      *ncf
	params []float32
	u      []float32
}

// Scorer solves the user vector with negatives that depend on the history alone, so that the same history gives the same
// scores.
func (m *ncf) Scorer(params []float32, history []Example) (Scorer, error) {
	if err := checkHistory(m.layout, params, history); err != nil {
		return nil, err
	}
	own, past := map[int]bool{}, make([]int, len(history))
	for i, e := range history {
		own[e.Item], past[i] = true, e.Item
	}
	rng := rand.New(rand.NewPCG(uint64(len(past)), uint64(past[0])))
	u := m.solve(params, past, func(n int, _ []int) []int { return m.negatives(n, own, rng) })
	return &ncfScorer{m, params, u}, nil
}

func (s *ncfScorer) Scores(dst []float32) {
	p := s.m.pass(s.params)
	for i := range dst {
		dst[i] = p.score(s.u, i)
	}
}

package batch

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// ErrNotFinite says that training ran away: the loss of a batch is no number any more. The parameters are those of before it.
var ErrNotFinite = errors.New("the loss is not a finite number; take a lower rate")

// NeuMF is neural matrix factorisation (He et al. 2017, equation 12): the logit of user u and item i is
// o·[gᵤ∘gᵢ ; MLP([mᵤ;mᵢ])] + c, with a GMF and an MLP vector of each. A row of a table holds the GMF vector, then the MLP vector.
type NeuMF struct {
	shape        Shape
	users, items *table
	mlp          []*layer
	last         []float32 // o, GMF half first, then c
	dLast        []float32
	mLast, vLast []float32
	steps        int

	// work space of one batch
	in, dIn []float32 // batch × 2·width: input of the MLP
	product []float32 // batch × width: gᵤ∘gᵢ
	logits  []float32 // batch: score, then the loss's slope at it
}

// NewNeuMF starts a model with small random parameters, as the paper does.
func NewNeuMF(s Shape, rng *rand.Rand) (*NeuMF, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(s.Layers) == 0 {
		return nil, errors.New("batch model: NeuMF without a layer in its MLP")
	}
	d := s.Width
	m := &NeuMF{shape: s, users: newTable(s.Users, 2*d, s.Batch, 0.01, rng), items: newTable(s.Items, 2*d, s.Batch, 0.01, rng),
		in: make([]float32, s.Batch*2*d), dIn: make([]float32, s.Batch*2*d), product: make([]float32, s.Batch*d), logits: make([]float32, s.Batch)}
	from := 2 * d
	for _, to := range s.Layers {
		m.mlp = append(m.mlp, newLayer(from, to, s.Batch, false, rng))
		from = to
	}
	n := d + from + 1
	m.last, m.dLast, m.mLast, m.vLast = make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	most := math.Sqrt(3 / float64(n-1)) // LeCun's uniform start, as the reference implementation of the paper
	for k := range m.last[:n-1] {
		m.last[k] = float32((2*rng.Float64() - 1) * most)
	}
	return m, nil
}

// Step trains on one batch: labels are 1 (watched) or 0 (a sampled negative). The loss is the mean binary cross-entropy before
// the step. Nothing is allocated.
func (m *NeuMF) Step(users, items []int32, labels []float32) (loss float64, err error) {
	if err := m.shape.checkSamples(users, items, len(labels)); err != nil {
		return 0, err
	}
	loss = m.backward(users, items, labels)
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		m.users.forget()
		m.items.forget()
		return loss, ErrNotFinite
	}
	m.steps++
	s := m.shape.Adam.step(m.steps)
	m.users.update(&s)
	m.items.update(&s)
	for _, l := range m.mlp {
		l.update(&s)
	}
	s.Update(m.last, m.mLast, m.vLast, m.dLast)
	return loss, nil
}

// forward leaves the logits of the samples in m.logits.
func (m *NeuMF) forward(users, items []int32) {
	n, d := len(users), m.shape.Width
	for k, u := range users {
		ru, ri := m.users.row(u), m.items.row(items[k])
		in := m.in[k*2*d : (k+1)*2*d]
		copy(in[:d], ru[d:])
		copy(in[d:], ri[d:])
		p := m.product[k*d : (k+1)*d]
		gi := ri[:len(p)]
		for j, x := range ru[:len(p)] {
			p[j] = x * gi[j]
		}
	}
	hidden := m.in[:n*2*d]
	for _, l := range m.mlp {
		hidden = l.forward(hidden, n)
	}
	h := len(m.last) - 1 - d
	gmf, deep, c := m.last[:d], m.last[d:d+h], m.last[d+h]
	for k := range n {
		s := c + kernel.Dot(gmf, m.product[k*d:(k+1)*d])
		for j, x := range hidden[k*h : (k+1)*h] {
			s += deep[j] * x
		}
		m.logits[k] = s
	}
}

// backward is forward and then the gradient of the mean loss at every parameter that the batch touches.
func (m *NeuMF) backward(users, items []int32, labels []float32) (loss float64) {
	m.forward(users, items)
	n, d := len(users), m.shape.Width
	slopes := m.logits[:n]
	for k, s := range slopes {
		// The loss log(1 + exp(±s)) and the slope sigmoid(s) − label share one exponential of −|s|, which cannot overflow.
		z, y := float64(s), float64(labels[k])
		e := math.Exp(-math.Abs(z))
		loss += max(z, 0) - z*y + math.Log1p(e)
		p := 1 / (1 + e)
		if z < 0 {
			p = e * p
		}
		slopes[k] = float32((p - y) / float64(n))
	}
	top := m.mlp[len(m.mlp)-1]
	h := top.to
	kernel.TN(m.dLast[:d], slopes, m.product[:n*d], 1, d, n)
	kernel.TN(m.dLast[d:d+h], slopes, top.out[:n*h], 1, h, n)
	m.dLast[d+h] = 0
	for k, g := range slopes {
		m.dLast[d+h] += g
		dst := top.slope[k*h : (k+1)*h]
		for j, o := range m.last[d : d+h] {
			dst[j] = g * o
		}
	}
	m.backwardMLP(n)
	m.backwardTables(users, items, slopes)
	return loss / float64(n)
}

func (m *NeuMF) backwardMLP(n int) {
	for i := len(m.mlp) - 1; i > 0; i-- {
		below := m.mlp[i-1]
		m.mlp[i].backward(below.slope, below.out[:n*below.to], n)
	}
	m.mlp[0].backward(m.dIn, m.in[:n*2*m.shape.Width], n)
}

// backwardTables adds each sample's gradient to the rows it names.
func (m *NeuMF) backwardTables(users, items []int32, slopes []float32) {
	d := m.shape.Width
	gmf := m.last[:d]
	for k, u := range users {
		i, g := items[k], slopes[k]
		du, di := m.users.slope(u), m.items.slope(i)
		ru, ri := m.users.row(u)[:d], m.items.row(i)[:d]
		du0, di0 := du[:d], di[:d]
		for j, o := range gmf {
			t := g * o
			du0[j] += t * ri[j]
			di0[j] += t * ru[j]
		}
		kernel.Add(du[d:], m.dIn[k*2*d:k*2*d+d])
		kernel.Add(di[d:], m.dIn[k*2*d+d:(k+1)*2*d])
	}
}

// Gradient is the loss of one batch and its slope at every parameter, tables in full. It changes no parameter. It is for
// checking: Step does not go through it.
func (m *NeuMF) Gradient(users, items []int32, labels []float32) (loss float64, at []Tensor, err error) {
	if err := m.shape.checkSamples(users, items, len(labels)); err != nil {
		return 0, nil, fmt.Errorf("gradient: %w", err)
	}
	loss = m.backward(users, items, labels)
	at = m.Tensors()
	for i := range at {
		at[i].Gradient = make([]float32, len(at[i].Params))
	}
	m.users.collect(at[0].Gradient)
	m.items.collect(at[1].Gradient)
	for i, l := range m.mlp {
		copy(at[2+2*i].Gradient, l.grad)
		copy(at[3+2*i].Gradient, l.grad[l.from*l.to:])
	}
	copy(at[len(at)-1].Gradient, m.dLast)
	m.users.forget()
	m.items.forget()
	return loss, at, nil
}

// Tensors are the parameters: users, items, then weights (from × to) and offset of each layer as w1, b1 and so on, then out: the GMF
// half, the MLP half and the offset of the last layer.
func (m *NeuMF) Tensors() []Tensor {
	at := []Tensor{m.users.tensor("users"), m.items.tensor("items")}
	for i, l := range m.mlp {
		at = append(at, l.tensors(fmt.Sprint(i+1))...)
	}
	return append(at, Tensor{Name: "out", Rows: 1, Cols: len(m.last), Params: m.last})
}

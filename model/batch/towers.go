package batch

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// TwoTower scores user u and item i by tower(xᵤ)·tower'(yᵢ): a table and a few layers on each side, the last of them linear. Without
// layers it is matrix factorisation. It learns by the softmax of each user's item among the items of the batch.
type TwoTower struct {
	shape Shape
	user  *tower
	item  *tower
	steps int

	scores []float32 // batch × batch, then their slopes
	turned []float32 // out × batch: the items' vectors transposed
	losses []float32 // batch: the targets' scores
}

// tower is one side.
type tower struct {
	table  *table
	layers []*layer
	in     []float32 // batch × width: the table's rows
	dIn    []float32
	dOut   []float32 // batch × out: gradient at the tower's result
}

// NewTwoTower starts a model with random parameters.
func NewTwoTower(s Shape, rng *rand.Rand) (*TwoTower, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	m := &TwoTower{shape: s, user: newTower(s.Users, s, rng), item: newTower(s.Items, s, rng), scores: make([]float32, s.Batch*s.Batch), losses: make([]float32, s.Batch)}
	m.turned = make([]float32, s.Batch*m.out())
	return m, nil
}

func newTower(rows int, s Shape, rng *rand.Rand) *tower {
	t := &tower{table: newTable(rows, s.Width, s.Batch, 0.1, rng), in: make([]float32, s.Batch*s.Width), dIn: make([]float32, s.Batch*s.Width)}
	from := s.Width
	for i, to := range s.Layers {
		t.layers = append(t.layers, newLayer(from, to, s.Batch, i == len(s.Layers)-1, rng))
		from = to
	}
	if t.dOut = t.dIn; len(t.layers) > 0 {
		t.dOut = t.layers[len(t.layers)-1].slope
	}
	return t
}

// out is the width of what the towers give.
func (m *TwoTower) out() int {
	if n := len(m.shape.Layers); n > 0 {
		return m.shape.Layers[n-1]
	}
	return m.shape.Width
}

// forward gives the vectors of the named rows, one after another.
func (t *tower) forward(rows []int32) []float32 {
	w, n := t.table.width, len(rows)
	for k, i := range rows {
		copy(t.in[k*w:(k+1)*w], t.table.row(i))
	}
	hidden := t.in[:n*w]
	for _, l := range t.layers {
		hidden = l.forward(hidden, n)
	}
	return hidden
}

// backward takes dOut to the layers and the rows.
func (t *tower) backward(rows []int32) {
	n, w := len(rows), t.table.width
	for i := len(t.layers) - 1; i >= 0; i-- {
		dIn, in := t.dIn, t.in[:n*w]
		if i > 0 {
			dIn, in = t.layers[i-1].slope, t.layers[i-1].out[:n*t.layers[i-1].to]
		}
		t.layers[i].backward(dIn, in, n)
	}
	for k, i := range rows {
		kernel.Add(t.table.slope(i), t.dIn[k*w:(k+1)*w])
	}
}

func (t *tower) update(s *kernel.AdamStep) {
	t.table.update(s)
	for _, l := range t.layers {
		l.update(s)
	}
}

// Step trains on one batch of watched pairs: each user's item against the items of the others. logQ is subtracted from the score of each
// sample's item: the logarithm of the share of samples that it is, so that popular items are not punished for being in many batches
// (Yi et al. 2019); nil leaves it out. The loss is the mean cross-entropy before the step. Nothing is allocated.
func (m *TwoTower) Step(users, items []int32, logQ []float32) (loss float64, err error) {
	if err := m.checkPairs(users, items, logQ); err != nil {
		return 0, err
	}
	loss = m.backward(users, items, logQ)
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		m.user.table.forget()
		m.item.table.forget()
		return loss, ErrNotFinite
	}
	m.steps++
	s := m.shape.Adam.step(m.steps)
	m.user.update(&s)
	m.item.update(&s)
	return loss, nil
}

func (m *TwoTower) checkPairs(users, items []int32, logQ []float32) error {
	more := len(users)
	if logQ != nil {
		more = len(logQ)
	}
	return m.shape.checkSamples(users, items, more)
}

func (m *TwoTower) backward(users, items []int32, logQ []float32) (loss float64) {
	n, d := len(users), m.out()
	u, v := m.user.forward(users), m.item.forward(items)
	turned := m.turned[:n*d]
	turn(turned, v, n, d)
	scores := m.scores[:n*n]
	kernel.NN(scores, u, turned, n, n, d)
	for k := range n {
		row := scores[k*n : (k+1)*n]
		if logQ != nil {
			kernel.Axpy(-1, logQ, row)
		}
		m.losses[k] = row[k]
		loss += kernel.Softmax(row) - float64(m.losses[k])
		row[k]--
	}
	kernel.Scale(1/float32(n), scores)
	kernel.NN(m.user.dOut[:n*d], scores, v, n, d, n)
	kernel.TN(m.item.dOut[:n*d], scores, u, n, d, n)
	m.user.backward(users)
	m.item.backward(items)
	return loss / float64(n)
}

// turn writes the transpose of rows × cols values.
func turn(dst, src []float32, rows, cols int) {
	for i := range rows {
		for j, x := range src[i*cols : (i+1)*cols] {
			dst[j*rows+i] = x
		}
	}
}

// Gradient is the loss of one batch and its slope at every parameter, tables in full. It changes no parameter.
func (m *TwoTower) Gradient(users, items []int32, logQ []float32) (loss float64, at []Tensor, err error) {
	if err := m.checkPairs(users, items, logQ); err != nil {
		return 0, nil, fmt.Errorf("gradient: %w", err)
	}
	loss = m.backward(users, items, logQ)
	at = m.Tensors()
	for i := range at {
		at[i].Gradient = make([]float32, len(at[i].Params))
	}
	next := 0
	for _, t := range []*tower{m.user, m.item} {
		t.table.collect(at[next].Gradient)
		t.table.forget()
		next++
		for _, l := range t.layers {
			copy(at[next].Gradient, l.grad)
			copy(at[next+1].Gradient, l.grad[l.from*l.to:])
			next += 2
		}
	}
	return loss, at, nil
}

// Tensors are the parameters: users and the layers of their tower (w.user.1, b.user.1 and so on), then the same of items.
func (m *TwoTower) Tensors() []Tensor {
	var at []Tensor
	for _, side := range []struct {
		table, layer string
		t            *tower
	}{{"users", ".user.", m.user}, {"items", ".item.", m.item}} {
		at = append(at, side.t.table.tensor(side.table))
		for i, l := range side.t.layers {
			at = append(at, l.tensors(side.layer+fmt.Sprint(i+1))...)
		}
	}
	return at
}

package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// headTrainer is the local function of both heads. A step reads the newest titles before a random place of the history, once, and
// compares what l.Cuts of their places foretell with the titles that came next, by a softmax over the whole catalogue. The item vectors
// stay as they are.
type headTrainer struct {
	m      *head
	params []float32
	local  []float32
	grad   []float32
	blocks [headBlocks]*block
	x, dx  []float32 // t × d
	last   []float32 // t × d: normalised output, without gain
	norm   []float32
	picked []float32 // places × d: last·gain
	dz     []float32
	z      []float32
	scores []float32
	keep   []int // titles of the window that dropout left, and their places in the history
	at     []int
	places []int
	next   []int
	past   []int
	pool   *pool     // of the towers, and room for what they pool
	pooled []float32 // channels × d
}

func (m *head) trainer(params []float32) *headTrainer {
	t := &headTrainer{m: m, params: params, pool: newPool(m.layout.Ages), pooled: make([]float32, len(m.layout.Ages)*m.layout.Dim)}
	for b := range t.blocks {
		t.blocks[b] = newBlock(b)
	}
	return t
}

func (m *head) Trainer(params []float32) Trainer { return m.trainer(params) }

// addTowers adds the frozen two-tower's vector of a history to z.
func (t *headTrainer) addTowers(params, z []float32, past []int) {
	if t.m.towers != nil {
		t.m.towers.addUser(z, params, past, t.pool, t.pooled)
	}
}

// read runs the blocks over titles, oldest first, at most headWindow of them.
func (t *headTrainer) read(params []float32, titles []int) {
	l, d, n := t.m.layout, t.m.layout.Dim, len(titles)
	t.x, t.last, t.norm = room(t.x, n*d), room(t.last, n*d), room(t.norm, n)
	v := l.tensor(params, "v")
	for j, item := range titles {
		copy(t.x[j*d:(j+1)*d], v[item*d:(item+1)*d])
	}
	for _, b := range t.blocks {
		b.forward(l, params, t.x, t.x, n)
	}
	normalise(t.last, t.norm, t.x, n, d)
}

// users writes the vectors that places foretell to z (places × d), without the towers.
func (t *headTrainer) users(params, z []float32, places []int) {
	l, d := t.m.layout, t.m.layout.Dim
	t.picked = room(t.picked, len(places)*d)
	for i, p := range places {
		times(t.picked[i*d:(i+1)*d], t.last[p*d:(p+1)*d], l.tensor(params, "gain"), 1, d)
	}
	kernel.NN(z, t.picked, l.tensor(params, "out"), len(places), d, d)
}

func (t *headTrainer) Update(dst []float32, history []Example, l Local, rng *rand.Rand) (float64, error) {
	layout := t.m.layout
	if err := checkTraining(layout, t.params, history, l); err != nil {
		return 0, err
	}
	if err := layout.checkParams(dst); err != nil {
		return 0, fmt.Errorf("update: %w", err)
	}
	clear(dst)
	t.grad = room(t.grad, len(dst))
	from := t.params
	var loss float64
	for step := range l.Steps {
		if step > 0 {
			t.local = append(t.local[:0], t.params...)
			kernel.Add(t.local, dst)
			from = t.local
		}
		t.draw(history, l, rng)
		clear(t.grad)
		loss = t.gradient(from, t.grad, history, int(l.Next))
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return 0, fmt.Errorf("train: the loss of step %d is %v: the model has run away, or a rate (%v) is too high", step, loss, l.RateDense)
		}
		kernel.Axpy(-l.RateDense, t.grad, dst)
	}
	layout.scale(dst)
	return loss, nil
}

// draw picks the window of a step and the places that are compared.
func (t *headTrainer) draw(history []Example, l Local, rng *rand.Rand) {
	end := 1 + rng.IntN(len(history)-1)
	t.keep, t.at, t.places = t.keep[:0], t.at[:0], t.places[:0]
	for j := max(0, end-headWindow); j < end; j++ {
		if l.Dropout == 0 || rng.Float32() >= l.Dropout || j == end-1 && len(t.keep) == 0 {
			t.keep, t.at = append(t.keep, history[j].Item), append(t.at, j)
		}
	}
	for range l.Cuts {
		t.places = append(t.places, rng.IntN(len(t.keep)))
	}
}

// gradient adds the gradient of the mean loss of the drawn places to grad, and returns the loss.
func (t *headTrainer) gradient(from, grad []float32, history []Example, next int) float64 {
	l, d, n, k := t.m.layout, t.m.layout.Dim, len(t.m.layout.Items), len(t.places)
	v, b := l.tensor(from, "v"), l.tensor(from, "b")
	t.z, t.dz, t.scores = room(t.z, k*d), room(t.dz, k*d), room(t.scores, k*n)
	t.read(from, t.keep)
	t.users(from, t.z, t.places)
	for i, p := range t.places {
		t.past = t.past[:0]
		for _, e := range history[:t.at[p]+1] {
			t.past = append(t.past, e.Item)
		}
		t.addTowers(from, t.z[i*d:(i+1)*d], t.past)
	}
	kernel.NT(t.scores, t.z, v, k, n, d)
	var loss float64
	for i, p := range t.places {
		t.next = t.next[:0]
		for _, e := range history[t.at[p]+1 : min(t.at[p]+1+next, len(history))] {
			t.next = append(t.next, e.Item)
		}
		s := t.scores[i*n : (i+1)*n]
		kernel.Add(s, b)
		loss += crossEntropy(s, t.next) / float64(k)
	}
	kernel.NN(t.dz, t.scores, v, k, d, n)
	kernel.Scale(1/float32(k), t.dz)
	t.backward(from, grad)
	return loss
}

// backward takes the gradient at the places' vectors, dz, through the head.
func (t *headTrainer) backward(from, grad []float32) {
	l, d, n, k := t.m.layout, t.m.layout.Dim, len(t.keep), len(t.places)
	kernel.AddTN(l.tensor(grad, "out"), t.picked, t.dz, d, d, k)
	kernel.NT(t.z, t.dz, l.tensor(from, "out"), k, d, d) // at picked; the vectors are not needed any more
	t.dx = room(t.dx, n*d)
	clear(t.dx)
	for i, p := range t.places {
		normaliseBackward(t.dx[p*d:(p+1)*d], l.tensor(grad, "gain"), t.z[i*d:(i+1)*d], t.last[p*d:(p+1)*d], t.norm[p:p+1], l.tensor(from, "gain"), 1, d)
	}
	for b := headBlocks - 1; b >= 0; b-- {
		t.blocks[b].backward(l, from, grad, t.dx, n)
	}
}

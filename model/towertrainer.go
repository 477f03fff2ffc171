package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// towerTrainer is the two-tower's local function: a few SGD steps, each on some random cuts of the history at once. All cuts of a
// step go through the same matrix products: with k cuts, n titles and width d, scores are k×d by d×n.
type towerTrainer struct {
	m      *twoTower
	params []float32
	local  []float32 // params and the update so far, from the second step on
	cutter Cutter
	pool   *pool

	pooled, dpooled []float32 // channels × cuts × d
	z, dz, scaled   []float32 // cuts × d
	scores          []float32 // cuts × titles, or cuts × candidates
	sampled         candidates
}

func (m *twoTower) Trainer(params []float32) Trainer {
	return &towerTrainer{m: m, params: params, pool: newPool(m.layout.Ages)}
}

func (t *towerTrainer) Update(dst []float32, history []Example, l Local, rng *rand.Rand) (float64, error) {
	if err := checkTraining(t.m.layout, t.params, history, l); err != nil {
		return 0, err
	}
	if err := t.m.layout.checkParams(dst); err != nil {
		return 0, fmt.Errorf("update: %w", err)
	}
	from := t.params
	var loss float64
	for step := range l.Steps {
		if step > 0 {
			t.local = append(t.local[:0], t.params...)
			kernel.Add(t.local, dst)
			from = t.local
		}
		cuts := t.cutter.Draw(history, l, rng)
		t.forward(from, cuts)
		if l.Negatives == 0 {
			loss = t.whole(from, dst, cuts, l, step == 0)
		} else {
			t.sampled.draw(cuts, l, len(t.m.layout.Items), rng)
			loss = t.some(from, dst, cuts, l, step == 0)
		}
		t.backward(from, dst, cuts, l, step == 0)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return 0, fmt.Errorf("train: the loss of step %d is %v: the model has run away, or a rate (%v) is too high", step, loss, l.Rate)
		}
	}
	t.m.layout.scale(dst)
	return loss, nil
}

// room gives v the length n.
func room(v []float32, n int) []float32 {
	if cap(v) < n {
		return make([]float32, n)
	}
	return v[:n]
}

// forward makes the user vectors of all cuts.
func (t *towerTrainer) forward(from []float32, cuts []Cut) {
	d, k, channels := t.m.layout.Dim, len(cuts), len(t.m.layout.Ages)
	v, w := t.m.layout.tensor(from, "v"), t.m.layout.tensor(from, "w")
	t.pooled, t.dpooled = room(t.pooled, channels*k*d), room(t.dpooled, channels*k*d)
	t.z, t.dz, t.scaled = room(t.z, k*d), room(t.dz, k*d), room(t.scaled, k*d)
	for i, cut := range cuts {
		t.pool.forward(t.pooled[i*d:], k*d, v, cut.Past, d)
	}
	clear(t.z)
	for c := range channels {
		kernel.AddNN(t.z, t.pooled[c*k*d:(c+1)*k*d], w[c*d*d:(c+1)*d*d], k, d, d)
	}
}

// whole is the softmax over the whole catalogue: it steps v and b as the side of what is scored, and leaves the gradient of the
// user vectors in dz.
func (t *towerTrainer) whole(from, dst []float32, cuts []Cut, l Local, first bool) float64 {
	d, n, k := t.m.layout.Dim, len(t.m.layout.Items), len(cuts)
	v, b := t.m.layout.tensor(from, "v"), t.m.layout.tensor(from, "b")
	dv, db := t.m.layout.tensor(dst, "v"), t.m.layout.tensor(dst, "b")
	t.scores = room(t.scores, k*n)
	kernel.NT(t.scores, t.z, v, k, n, d)
	var loss float64
	for i, cut := range cuts {
		s := t.scores[i*n : (i+1)*n]
		kernel.Add(s, b)
		loss += crossEntropy(s, cut.Next) / float64(k)
	}
	kernel.NN(t.dz, t.scores, v, k, d, n)
	rate := -l.Rate / float32(k)
	copy(t.scaled, t.z)
	kernel.Scale(rate, t.scaled)
	if first {
		kernel.TN(dv, t.scores, t.scaled, n, d, k)
		clear(db)
	} else {
		kernel.AddTN(dv, t.scores, t.scaled, n, d, k)
	}
	for i := range cuts {
		kernel.Axpy(rate, t.scores[i*n:(i+1)*n], db)
	}
	return loss
}

// backward takes the gradient of the user vectors through the towers to w and to the history's rows of v.
func (t *towerTrainer) backward(from, dst []float32, cuts []Cut, l Local, first bool) {
	d, k := t.m.layout.Dim, len(cuts)
	w, dv, dw := t.m.layout.tensor(from, "w"), t.m.layout.tensor(dst, "v"), t.m.layout.tensor(dst, "w")
	copy(t.scaled, t.dz)
	kernel.Scale(-l.RateDense/float32(k), t.scaled)
	for c := range t.m.layout.Ages {
		pooled, into := t.pooled[c*k*d:(c+1)*k*d], dw[c*d*d:(c+1)*d*d]
		if first {
			kernel.TN(into, pooled, t.scaled, d, d, k)
		} else {
			kernel.AddTN(into, pooled, t.scaled, d, d, k)
		}
		kernel.NT(t.dpooled[c*k*d:(c+1)*k*d], t.dz, w[c*d*d:(c+1)*d*d], k, d, d)
	}
	for i, cut := range cuts {
		t.pool.backward(dv, t.dpooled[i*d:], k*d, cut.Past, d, -l.Rate/float32(k))
	}
}

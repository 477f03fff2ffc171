package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// ncfTrainer is NCF's local function: at each cut the user's vector is solved on the past, then everything steps on what came next, under
// a softmax over the whole catalogue or a sample of it.
type ncfTrainer struct {
	m      *ncf
	params []float32
	local  []float32 // params and the update so far, from the second step on
	grad   []float32 // of the small tensors, at their places
	cutter Cutter
	users  *ncfUsers
	net    *ncfNet
	sample candidates
}

func (m *ncf) Trainer(params []float32) Trainer { return m.trainer(params) }

func (m *ncf) trainer(params []float32) *ncfTrainer {
	return &ncfTrainer{m: m, params: params, users: newUsers(m), net: newNet(m)}
}

func (t *ncfTrainer) Update(dst []float32, history []Example, l Local, rng *rand.Rand) (float64, error) {
	if err := checkTraining(t.m.layout, t.params, history, l); err != nil {
		return 0, err
	}
	if err := t.m.layout.checkParams(dst); err != nil {
		return 0, fmt.Errorf("update: %w", err)
	}
	clear(dst)
	from := t.params
	var loss float64
	for step := range l.Steps {
		if step > 0 {
			t.local = append(t.local[:0], t.params...)
			kernel.Add(t.local, dst)
			from = t.local
		}
		cuts := t.cutter.Draw(history, l, rng)
		t.sample.draw(cuts, l, len(t.m.layout.Items), rng)
		loss = t.step(t.m.open(from), t.m.open(dst), cuts, l)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return 0, fmt.Errorf("train: the loss of step %d is %v: the model has run away, or a rate (%v) is too high", step, loss, l.Rate)
		}
	}
	t.m.layout.scale(dst)
	return loss, nil
}

// step adds one SGD step to dst, for cuts and candidates that are drawn.
func (t *ncfTrainer) step(from, dst ncfTensors, cuts []Cut, l Local) float64 {
	t.users.solve(from, cuts)
	d, k, n := t.m.layout.Dim, len(cuts), len(t.m.layout.Items)
	v, b := from.v, from.b
	if l.Negatives > 0 {
		t.sample.copy(v, b, d)
		v, b, n = t.sample.v, t.sample.b, len(t.sample.items)
	}
	t.grad = room(t.grad, len(t.params))
	grad := t.m.open(t.grad)
	clear(grad.small)
	u := t.users.u
	t.users.du = room(t.users.du, len(u))
	t.net.begin(from, u, v, b, k, n)
	t.net.beginBackward(k, n)
	loss := t.losses(from, grad, cuts, n, l.Negatives > 0)
	t.net.endBackward(from, grad, u, t.users.du, v, k, n)

	rate := -l.Rate / float32(k)
	t.users.backward(from, grad, dst.v, dst.b, cuts, rate)
	kernel.Axpy(-l.RateDense/float32(k), grad.small, dst.small)
	if l.Negatives > 0 {
		t.sample.scatter(dst.v, dst.b, t.net.dv, t.net.db, d, rate)
	} else {
		kernel.Axpy(rate, t.net.dv, dst.v)
		kernel.Axpy(rate, t.net.db, dst.b)
	}
	return loss
}

// losses takes every cut through the net and back, and returns their mean loss.
func (t *ncfTrainer) losses(from, grad ncfTensors, cuts []Cut, n int, sampled bool) (loss float64) {
	at := t.sample.drawn
	for i, cut := range cuts {
		s, want := t.net.score(from, i, n), cut.Next
		if sampled {
			want = t.sample.keep(s, cut, at, len(t.m.layout.Items))
			at += len(cut.Next)
		}
		loss += crossEntropy(s, want) / float64(len(cuts))
		t.net.backward(from, grad, s, i, n)
	}
	return loss
}

// one is the loss of one sample, and adds the step against its gradient to dst.
func (m *ncf) one(params, dst []float32, s Sample) float64 {
	t, cuts := m.trainer(params), []Cut{{s.Past, s.Targets}}
	t.sample.items = append(t.sample.items, s.Negatives...)
	t.sample.with(cuts)
	return t.step(m.open(params), m.open(dst), cuts, Local{Rate: 1, RateDense: 1, Negatives: uint32(len(s.Negatives))})
}

package model

import "github.com/cinesync/cinesync/model/kernel"

// ncfNet scores a block of items for some users, and carries gradients back. One user goes through the MLP at a time, all items at
// once: its hidden layers are items × h1 and items × h2.
type ncfNet struct {
	d, h1, h2 int

	scores          []float32 // users × items
	gmf, dgmf       []float32 // users × d: h∘u
	mine, dmine     []float32 // users × h1: P u + c₁
	theirs, dtheirs []float32 // items × h1: Q v
	first, dfirst   []float32 // items × h1
	second, dsecond []float32 // items × h2
	dv, db          []float32 // items × d, items: the gradient of the block
}

func newNet(m *ncf) *ncfNet {
	h1, h2 := hidden(m.layout.Dim)
	return &ncfNet{d: m.layout.Dim, h1: h1, h2: h2}
}

// begin computes the GMF half for k users u and the n items of v, and what the MLP half of all users shares.
func (x *ncfNet) begin(t ncfTensors, u, v, b []float32, k, n int) {
	d, h1 := x.d, x.h1
	x.scores, x.gmf = room(x.scores, k*n), room(x.gmf, k*d)
	x.mine, x.theirs = room(x.mine, k*h1), room(x.theirs, n*h1)
	x.first, x.second = room(x.first, n*h1), room(x.second, n*x.h2)
	timesRows(x.gmf, u[:k*d], t.h)
	kernel.NT(x.scores, x.gmf, v, k, n, d)
	kernel.AddBias(x.scores, b, k)
	kernel.NT(x.mine, u, t.p, k, h1, d)
	kernel.AddBias(x.mine, t.c1, k)
	kernel.NT(x.theirs, v, t.q, n, h1, d)
}

// score gives the scores of user i, and leaves its hidden layers for backward.
func (x *ncfNet) score(t ncfTensors, i, n int) []float32 {
	s := x.scores[i*n : (i+1)*n]
	copy(x.first, x.theirs)
	kernel.BiasRelu(x.first, x.mine[i*x.h1:(i+1)*x.h1], n)
	kernel.NT(x.second, x.first, t.a2, n, x.h2, x.h1)
	kernel.BiasRelu(x.second, t.c2, n)
	kernel.AddNT(s, x.second, t.o, n, 1, x.h2)
	return s
}

// beginBackward makes room for the gradients of k users and n items.
func (x *ncfNet) beginBackward(k, n int) {
	x.dgmf, x.dmine, x.dtheirs = room(x.dgmf, k*x.d), room(x.dmine, k*x.h1), room(x.dtheirs, n*x.h1)
	x.dfirst, x.dsecond = room(x.dfirst, n*x.h1), room(x.dsecond, n*x.h2)
	x.dv, x.db = room(x.dv, n*x.d), room(x.db, n)
	clear(x.dmine)
	clear(x.dtheirs)
	clear(x.db)
}

// backward takes the gradient g of user i's scores, just computed, through the MLP half.
func (x *ncfNet) backward(t, grad ncfTensors, g []float32, i, n int) {
	kernel.AddTN(grad.o, g, x.second, 1, x.h2, n)
	kernel.NN(x.dsecond, g, t.o, n, x.h2, 1)
	kernel.ReluBackward(x.dsecond, x.second)
	kernel.SumRows(grad.c2, x.dsecond, n)
	kernel.AddTN(grad.a2, x.dsecond, x.first, x.h2, x.h1, n)
	kernel.NN(x.dfirst, x.dsecond, t.a2, n, x.h1, x.h2)
	kernel.ReluBackward(x.dfirst, x.first)
	kernel.SumRows(x.dmine[i*x.h1:(i+1)*x.h1], x.dfirst, n)
	kernel.Add(x.dtheirs, x.dfirst)
	kernel.Add(x.db, g)
}

// endBackward takes what backward left, and the gradient of the scores in their place, to the rest: the small tensors in grad, the users
// in du, the block in dv and db.
func (x *ncfNet) endBackward(t, grad ncfTensors, u, du, v []float32, k, n int) {
	d, h1 := x.d, x.h1
	kernel.SumRows(grad.c1, x.dmine, k)
	kernel.AddTN(grad.p, x.dmine, u, h1, d, k)
	kernel.AddTN(grad.q, x.dtheirs, v, h1, d, n)
	kernel.TN(x.dv, x.scores, x.gmf, n, d, k)
	kernel.AddNN(x.dv, x.dtheirs, t.q, n, d, h1)
	kernel.NN(x.dgmf, x.scores, v, k, d, n)
	kernel.NN(du, x.dmine, t.p, k, d, h1)
	for i, g := range x.dgmf {
		j := i % d
		grad.h[j] += g * u[i]
		du[i] += g * t.h[j]
	}
}

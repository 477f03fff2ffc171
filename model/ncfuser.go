package model

import "github.com/cinesync/cinesync/model/kernel"

// ncfUsers solves the vectors of some users at once, one a cut, and carries gradients back through the steps. What a step compares the
// history with is the whole catalogue. At the first step all vectors are 0 and the catalogue looks alike to everybody, so that one row
// stands for all.
type ncfUsers struct {
	m    *ncf
	pool *pool

	u, du  []float32 // users × d: the solved vectors and the gradient there
	steps  []ncfStep
	pooled []float32 // channels × users × d: the history as each channel weighs it
	e, z   []float32 // users × titles, users × d
	scaled []float32 // users × d
}

// ncfStep is what one step leaves for the way back.
type ncfStep struct {
	u, hu []float32 // users × d: the vectors before it, and those times h
	p     []float32 // rows × titles: how likely each title is
	mean  []float32 // rows × d: the mean vector under p, then the gradient there
	r     []float32 // users × d: the slope without h
	mass  []float32 // users: sum of the history's weights
}

func newUsers(m *ncf) *ncfUsers {
	return &ncfUsers{m: m, pool: newPool(m.layout.Ages), steps: make([]ncfStep, len(m.layout.Ages))}
}

// rows is for how many users a step tells titles apart.
func rows(step, users int) int {
	if step == 0 {
		return 1
	}
	return users
}

// solve leaves the vectors of the cuts' pasts in u.
func (x *ncfUsers) solve(t ncfTensors, cuts []Cut) {
	n, d, k := len(x.m.layout.Items), x.m.layout.Dim, len(cuts)
	x.pooled = room(x.pooled, len(x.steps)*k*d)
	for i, cut := range cuts {
		x.pool.forward(x.pooled[i*d:], k*d, t.v, cut.Past, d)
	}
	x.u = room(x.u, k*d)
	clear(x.u)
	for c := range x.steps {
		s, rows := &x.steps[c], rows(c, k)
		s.u, s.hu, s.r = append(s.u[:0], x.u...), room(s.hu, k*d), room(s.r, k*d)
		s.p, s.mean, s.mass = room(s.p, rows*n), room(s.mean, rows*d), room(s.mass, k)
		timesRows(s.hu, s.u, t.h)
		kernel.NT(s.p, s.hu, t.v, rows, n, d)
		kernel.AddBias(s.p, t.b, rows)
		for i := range rows {
			kernel.Softmax(s.p[i*n : (i+1)*n])
		}
		kernel.NN(s.mean, s.p, t.v, rows, d, n)
		for i, cut := range cuts {
			s.mass[i] = x.pool.mass(c, len(cut.Past))
			r, mean := s.r[i*d:(i+1)*d], s.mean[min(i, rows-1)*d:]
			copy(r, x.pooled[(c*k+i)*d:])
			kernel.Axpy(-s.mass[i], mean[:d], r)
			for j := range r {
				x.u[i*d+j] += t.s[c*d+j] * t.h[j] * r[j]
			}
		}
	}
}

// backward takes the gradient of the vectors, in du, to that of the small tensors in grad, and adds rate times that of the item
// vectors and biases to v and b.
func (x *ncfUsers) backward(t, grad ncfTensors, v, b []float32, cuts []Cut, rate float32) {
	n, d, k := len(x.m.layout.Items), x.m.layout.Dim, len(cuts)
	x.e, x.z, x.scaled = room(x.e, k*n), room(x.z, k*d), room(x.scaled, k*d)
	for c := len(x.steps) - 1; c >= 0; c-- {
		s, rows := &x.steps[c], rows(c, k)
		x.unstep(t, grad, c, k)
		x.toItems(v, s.p, s.mean, rows, rate)
		kernel.NT(x.e, s.mean, t.v, rows, n, d)
		for i := range rows {
			softmaxBackward(x.e[i*n:(i+1)*n], s.p[i*n:(i+1)*n])
			kernel.Axpy(rate, x.e[i*n:(i+1)*n], b)
		}
		if c == 0 {
			break // where the vectors were 0, nothing else depends on
		}
		x.toItems(v, x.e, s.hu, rows, rate)
		kernel.NN(x.z, x.e, t.v, k, d, n)
		for i, z := range x.z {
			j := i % d
			grad.h[j] += z * s.u[i]
			x.du[i] += z * t.h[j]
		}
	}
	for i, cut := range cuts {
		x.pool.backward(v, x.pooled[i*d:], k*d, cut.Past, d, rate)
	}
}

// unstep takes du through the update of step c: to its rates and h, to the pooled history (which it replaces) and to the mean (which
// it replaces).
func (x *ncfUsers) unstep(t, grad ncfTensors, c, k int) {
	d, s := x.m.layout.Dim, &x.steps[c]
	clear(s.mean)
	rates, drates := t.s[c*d:(c+1)*d], grad.s[c*d:(c+1)*d]
	for i := range k {
		r, du, y := s.r[i*d:(i+1)*d], x.du[i*d:(i+1)*d], x.pooled[(c*k+i)*d:(c*k+i+1)*d]
		for j, g := range du {
			drates[j] += g * t.h[j] * r[j]
			grad.h[j] += g * rates[j] * r[j]
			y[j] = g * rates[j] * t.h[j]
		}
		at := min(i, rows(c, k)-1) * d
		kernel.Axpy(-s.mass[i], y, s.mean[at:at+d])
	}
}

// toItems adds rate·(aᵀ y) to v, for a of rows × titles and y of rows × d.
func (x *ncfUsers) toItems(v, a, y []float32, rows int, rate float32) {
	d := x.m.layout.Dim
	scaled := x.scaled[:rows*d]
	copy(scaled, y)
	kernel.Scale(rate, scaled)
	kernel.AddTN(v, a, scaled, len(x.m.layout.Items), d, rows)
}

// softmaxBackward turns the gradient at the likelihoods p into that at the scores.
func softmaxBackward(g, p []float32) {
	mean := kernel.Dot(g, p)
	for i, q := range p {
		g[i] = q * (g[i] - mean)
	}
}

// timesRows is dst = x∘h, row by row.
func timesRows(dst, x, h []float32) {
	for at := 0; at < len(x); at += len(h) {
		for j, f := range h {
			dst[at+j] = x[at+j] * f
		}
	}
}

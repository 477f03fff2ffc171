package model

import (
	"math"

	"github.com/cinesync/cinesync/model/kernel"
)

// block is one layer of the head over a sequence of t titles, with what its backward pass needs. Rows are titles, oldest first, of
// width d.
type block struct {
	names [10]string // of its tensors, in headTensors' order

	in, normed, norm         []float32 // what came in; normalised, without gain; 1/rms a row
	scaled                   []float32 // normed·gain
	query, key, value        []float32
	weights                  []float32 // t × t, causal
	read                     []float32 // weights·value
	mid, midNormed, midNorm  []float32
	midScaled, hidden, spare []float32
	dscaled, dqkv, dweights  []float32
}

func newBlock(b int) *block {
	k := &block{}
	for i, t := range headTensors(1)[b*10 : b*10+10] {
		k.names[i] = t.Name
	}
	return k
}

// places of a block's tensors in names.
const (
	atNear = iota
	atGain
	atQuery
	atKey
	atValue
	atMix
	atUp
	atLift
	atDown
	atDrop
)

func (k *block) of(l Layout, params []float32, i int) []float32 { return l.tensor(params, k.names[i]) }

// normalise writes x/rms(x) of each row to out, and 1/rms to norm.
func normalise(out, norm, x []float32, t, d int) {
	for j := range t {
		row := x[j*d : (j+1)*d]
		r := float32(1 / math.Sqrt(kernel.SumSquares(row)/float64(d)+1e-6))
		norm[j] = r
		for i, v := range row {
			out[j*d+i] = v * r
		}
	}
}

// normaliseBackward adds the gradient at x to dx, given that at normed·gain, and that of gain to dgain.
func normaliseBackward(dx, dgain, dscaled, normed, norm, gain []float32, t, d int) {
	for j := range t {
		g, n := dscaled[j*d:(j+1)*d], normed[j*d:(j+1)*d]
		var along float32
		for i := range g {
			dgain[i] += g[i] * n[i]
			along += g[i] * gain[i] * n[i]
		}
		along /= float32(d)
		for i := range g {
			dx[j*d+i] += norm[j] * (g[i]*gain[i] - n[i]*along)
		}
	}
}

func times(out, x, gain []float32, t, d int) {
	for j := range t {
		for i, g := range gain {
			out[j*d+i] = x[j*d+i] * g
		}
	}
}

// forward reads x (t × d) and writes what the next layer reads to out.
func (k *block) forward(l Layout, params, out, x []float32, t int) {
	d := l.Dim
	for _, v := range []*[]float32{&k.in, &k.normed, &k.scaled, &k.query, &k.key, &k.value, &k.read, &k.mid, &k.midNormed, &k.midScaled, &k.hidden, &k.spare} {
		*v = room(*v, t*d)
	}
	k.norm, k.midNorm, k.weights = room(k.norm, t), room(k.midNorm, t), room(k.weights, t*t)
	gains := k.of(l, params, atGain)
	copy(k.in, x[:t*d])
	normalise(k.normed, k.norm, x, t, d)
	times(k.scaled, k.normed, gains[:d], t, d)
	kernel.NN(k.query, k.scaled, k.of(l, params, atQuery), t, d, d)
	kernel.NN(k.key, k.scaled, k.of(l, params, atKey), t, d, d)
	kernel.NN(k.value, k.scaled, k.of(l, params, atValue), t, d, d)
	k.attend(k.of(l, params, atNear), t, d)
	kernel.NN(k.read, k.weights, k.value, t, d, t)
	copy(k.mid, x[:t*d])
	kernel.AddNN(k.mid, k.read, k.of(l, params, atMix), t, d, d)
	normalise(k.midNormed, k.midNorm, k.mid, t, d)
	times(k.midScaled, k.midNormed, gains[d:], t, d)
	kernel.NN(k.hidden, k.midScaled, k.of(l, params, atUp), t, d, d)
	kernel.BiasRelu(k.hidden, k.of(l, params, atLift), t)
	copy(out, k.mid)
	kernel.AddNN(out, k.hidden, k.of(l, params, atDown), t, d, d)
	kernel.AddBias(out[:t*d], k.of(l, params, atDrop), t)
}

// attend makes the causal weights: row j looks at titles 0 to j.
func (k *block) attend(near []float32, t, d int) {
	kernel.NT(k.weights, k.query, k.key, t, t, d)
	scale := float32(1 / math.Sqrt(float64(d)))
	for j := range t {
		row := k.weights[j*t : (j+1)*t]
		for i := range j + 1 {
			row[i] = row[i]*scale + near[j-i]
		}
		kernel.Softmax(row[:j+1])
		clear(row[j+1:])
	}
}

// backward takes the gradient at forward's out, dx (t × d), to the gradient at its x, in place, and adds those of the tensors to grad.
func (k *block) backward(l Layout, params, grad, dx []float32, t int) {
	d := l.Dim
	k.dscaled, k.dqkv, k.dweights = room(k.dscaled, t*d), room(k.dqkv, t*d), room(k.dweights, t*t)
	gains, dgains := k.of(l, params, atGain), k.of(l, grad, atGain)
	kernel.AddTN(k.of(l, grad, atDown), k.hidden, dx, d, d, t)
	addRows(k.of(l, grad, atDrop), dx, t)
	kernel.NT(k.spare, dx, k.of(l, params, atDown), t, d, d)
	kernel.ReluBackward(k.spare, k.hidden)
	kernel.AddTN(k.of(l, grad, atUp), k.midScaled, k.spare, d, d, t)
	addRows(k.of(l, grad, atLift), k.spare, t)
	kernel.NT(k.dscaled, k.spare, k.of(l, params, atUp), t, d, d)
	normaliseBackward(dx, dgains[d:], k.dscaled, k.midNormed, k.midNorm, gains[d:], t, d)

	kernel.AddTN(k.of(l, grad, atMix), k.read, dx, d, d, t)
	kernel.NT(k.spare, dx, k.of(l, params, atMix), t, d, d) // at read
	kernel.NT(k.dweights, k.spare, k.value, t, t, d)
	kernel.TN(k.dqkv, k.weights, k.spare, t, d, t) // at value
	kernel.AddTN(k.of(l, grad, atValue), k.scaled, k.dqkv, d, d, t)
	kernel.NT(k.dscaled, k.dqkv, k.of(l, params, atValue), t, d, d)
	k.attendBackward(k.of(l, grad, atNear), t, d)
	for _, part := range []struct {
		tensor int
		other  []float32
		turned bool
	}{{atQuery, k.key, false}, {atKey, k.query, true}} {
		if part.turned {
			kernel.TN(k.dqkv, k.dweights, part.other, t, d, t)
		} else {
			kernel.NN(k.dqkv, k.dweights, part.other, t, d, t)
		}
		kernel.AddTN(k.of(l, grad, part.tensor), k.scaled, k.dqkv, d, d, t)
		kernel.AddNT(k.dscaled, k.dqkv, k.of(l, params, part.tensor), t, d, d)
	}
	normaliseBackward(dx, dgains[:d], k.dscaled, k.normed, k.norm, gains[:d], t, d)
}

// attendBackward turns the gradient at the weights into that at the products of query and key, and adds that of near.
func (k *block) attendBackward(dnear []float32, t, d int) {
	scale := float32(1 / math.Sqrt(float64(d)))
	for j := range t {
		w, g := k.weights[j*t:(j+1)*t], k.dweights[j*t:(j+1)*t]
		along := kernel.Dot(w[:j+1], g[:j+1])
		for i := range j + 1 {
			s := w[i] * (g[i] - along)
			dnear[j-i] += s
			g[i] = s * scale
		}
		clear(g[j+1:])
	}
}

// addRows adds the sum of t rows of c to dst.
func addRows(dst, c []float32, t int) {
	d := len(dst)
	for j := range t {
		kernel.Add(dst, c[j*d:(j+1)*d])
	}
}

package batch

import (
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// layer is out = in·w + b for a batch of rows, with a rectifier behind it unless it is linear. The weights lie input by input (from × to),
// so forward and the weights' gradient run along rows.
type layer struct {
	from, to int
	linear   bool
	params   []float32 // w then b
	grad     []float32
	m, v     []float32 // Adam's moments
	out      []float32 // batch × to, what forward wrote
	slope    []float32 // batch × to, the gradient at out
	turned   []float32 // w transposed, to × from
}

// newLayer draws weights uniformly as Glorot and Bengio (2010) do; offsets start at zero.
func newLayer(from, to, batch int, linear bool, rng *rand.Rand) *layer {
	n := from*to + to
	l := &layer{from: from, to: to, linear: linear, params: make([]float32, n), grad: make([]float32, n), m: make([]float32, n), v: make([]float32, n),
		out: make([]float32, batch*to), slope: make([]float32, batch*to), turned: make([]float32, from*to)}
	most := math.Sqrt(6 / float64(from+to))
	for i := range l.w() {
		l.params[i] = float32((2*rng.Float64() - 1) * most)
	}
	return l
}

func (l *layer) w() []float32 { return l.params[: l.from*l.to : l.from*l.to] }
func (l *layer) b() []float32 { return l.params[l.from*l.to:] }

// forward takes n rows of input.
func (l *layer) forward(in []float32, n int) []float32 {
	out := l.out[:n*l.to]
	kernel.NN(out, in, l.w(), n, l.to, l.from)
	if l.linear {
		kernel.AddBias(out, l.b(), n)
	} else {
		kernel.BiasRelu(out, l.b(), n)
	}
	return out
}

// backward takes the gradient at out, which lies in slope, to the parameters and to the input, which must be the input of the
// last forward.
func (l *layer) backward(dIn, in []float32, n int) {
	slope := l.slope[:n*l.to]
	if !l.linear {
		kernel.ReluBackward(slope, l.out[:n*l.to])
	}
	size := l.from * l.to
	kernel.TN(l.grad[:size], in, slope, l.from, l.to, n)
	clear(l.grad[size:])
	kernel.SumRows(l.grad[size:], slope, n)
	turn(l.turned, l.w(), l.from, l.to)
	kernel.NN(dIn[:n*l.from], slope, l.turned, n, l.from, l.to)
}

func (l *layer) update(s *kernel.AdamStep) { s.Update(l.params, l.m, l.v, l.grad) }

func (l *layer) tensors(suffix string) []Tensor {
	return []Tensor{{Name: "w" + suffix, Rows: l.from, Cols: l.to, Params: l.w()}, {Name: "b" + suffix, Rows: 1, Cols: l.to, Params: l.b()}}
}

package batch

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// Device trains NeuMF for one person after another as a simulated round of plain federated averaging does (McMahan et al. 2017): the
// round's parameters, one epoch of SGD over that person's samples, the difference, its clip, the sum. The GMF half and the MLP half
// share one title table, as in model's NCF family, and the person is one vector of the parameters. It is what is timed beside other
// simulators.
//
// Since a device has one person, that person's half of the first layer is the same for a whole batch and is computed once; and since
// a difference is zero on all titles that no sample names, only named rows are compared, added and put back.
type Device struct {
	shape Shape
	round []float32 // the parameters that everybody starts from
	local []float32 // the device's; equal to round but within Update
	named []int32   // titles that this device has stepped on
	met   []bool    // of each title, whether it is named

	v, dv          []float32 // batch × width: the titles' vectors and their gradient
	slopes         []float32 // batch
	outs, dOuts    [][]float32
	grad           []float32 // of all but the titles
	gated, summed  []float32 // width: out∘person; the titles' vectors weighed by the slopes
	base, hiddenUp []float32 // first layer: what the person adds; the sum of its gradient
}

// NewDevice starts from small random parameters. Users of the shape is 1 and its Adam is not used.
func NewDevice(s Shape, rng *rand.Rand) (*Device, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Users != 1 || len(s.Layers) == 0 {
		return nil, fmt.Errorf("batch device: %d users and %d layers, want 1 user and at least 1 layer", s.Users, len(s.Layers))
	}
	d := &Device{shape: s, met: make([]bool, s.Items), named: make([]int32, 0, s.Items)}
	titles, dense := s.Items*s.Width, d.dense()
	d.round = make([]float32, titles+dense)
	for i := range d.round[:titles+s.Width] {
		d.round[i] = float32(rng.NormFloat64() * 0.01)
	}
	from := 2 * s.Width
	for i, to := range s.Layers {
		w, _ := d.layer(d.round, i)
		most := math.Sqrt(6 / float64(from+to))
		for k := range w {
			w[k] = float32((2*rng.Float64() - 1) * most)
		}
		from = to
	}
	out := d.out(d.round)
	for k := range out[:len(out)-1] {
		out[k] = float32((2*rng.Float64() - 1) * math.Sqrt(3/float64(len(out)-1)))
	}
	d.local = append([]float32(nil), d.round...)
	d.rooms()
	return d, nil
}

// rooms takes the memory that batches work in.
func (d *Device) rooms() {
	s := d.shape
	n := s.Batch
	d.v, d.dv, d.slopes = make([]float32, n*s.Width), make([]float32, n*s.Width), make([]float32, n)
	for _, w := range s.Layers {
		d.outs, d.dOuts = append(d.outs, make([]float32, n*w)), append(d.dOuts, make([]float32, n*w))
	}
	d.grad = make([]float32, d.dense())
	d.gated, d.summed = make([]float32, s.Width), make([]float32, s.Width)
	d.base, d.hiddenUp = make([]float32, s.Layers[0]), make([]float32, s.Layers[0])
}

// dense is the number of parameters behind the titles: the person, weights and offsets of each layer, and the last layer (GMF half,
// MLP half, offset).
func (d *Device) dense() int {
	n, from := d.shape.Width, 2*d.shape.Width
	for _, to := range d.shape.Layers {
		n += from*to + to
		from = to
	}
	return n + d.shape.Width + from + 1
}

// Parameters is the round's model, for the caller to read or to set between Updates: titles × width, then the rest as in dense.
func (d *Device) Parameters() []float32 { return d.round }

// Restart takes over what was set in Parameters.
func (d *Device) Restart() { copy(d.local, d.round) }

func (d *Device) titles(params []float32) []float32 { return params[:d.shape.Items*d.shape.Width] }
func (d *Device) rest(params []float32) []float32   { return params[d.shape.Items*d.shape.Width:] }
func (d *Device) person(params []float32) []float32 { return d.rest(params)[:d.shape.Width] }

// layer gives the weights (from × to) and offsets of layer i.
func (d *Device) layer(params []float32, i int) (w, b []float32) {
	return d.layerOf(d.rest(params), i)
}

func (d *Device) layerOf(rest []float32, i int) (w, b []float32) {
	at, from := d.shape.Width, 2*d.shape.Width
	for k, to := range d.shape.Layers {
		if k == i {
			return rest[at : at+from*to], rest[at+from*to : at+from*to+to]
		}
		at, from = at+from*to+to, to
	}
	return nil, nil
}

func (d *Device) out(params []float32) []float32 { return d.outOf(d.rest(params)) }

func (d *Device) outOf(rest []float32) []float32 {
	return rest[len(rest)-d.shape.Width-d.shape.Layers[len(d.shape.Layers)-1]-1:]
}

// Update is one device: an epoch over its samples in batches, in the order given, then the difference from the round's parameters
// scaled to an L2 norm of clip at most and added to sum (one place a parameter). It gives the mean loss of the samples, each before its
// step, and the norm before the clip. Nothing is allocated. On an error nothing was added.
func (d *Device) Update(sum []float32, titles []int32, labels []float32, rate, clip float32) (loss, norm float64, err error) {
	if err := d.check(sum, titles, labels, rate, clip); err != nil {
		return 0, 0, err
	}
	for at := 0; at < len(titles); at += d.shape.Batch {
		end := min(at+d.shape.Batch, len(titles))
		loss += d.step(titles[at:end], labels[at:end], rate) / float64(len(titles))
	}
	norm = d.difference()
	if math.IsNaN(loss+norm) || math.IsInf(loss+norm, 0) {
		d.putBack()
		return loss, norm, ErrNotFinite
	}
	factor := float32(1)
	if norm > float64(clip) {
		factor = float32(float64(clip) / norm)
	}
	d.add(sum, factor)
	d.putBack()
	return loss, norm, nil
}

func (d *Device) check(sum []float32, titles []int32, labels []float32, rate, clip float32) error {
	if len(sum) != len(d.round) {
		return fmt.Errorf("batch device: a sum of %d places for %d parameters", len(sum), len(d.round))
	}
	if len(titles) == 0 || len(labels) != len(titles) {
		return fmt.Errorf("batch device: %d titles and %d labels, want as many of each and at least 1", len(titles), len(labels))
	}
	for k, i := range titles {
		if i < 0 || int(i) >= d.shape.Items {
			return fmt.Errorf("batch device: sample %d: title %d of %d", k, i, d.shape.Items)
		}
	}
	if !(rate > 0 && rate <= 100) || !(clip > 0 && clip <= 0x1p64) {
		return fmt.Errorf("batch device: rate %v and clip %v, want a rate of 0 to 100 and a clip of 0 to 2^64", rate, clip)
	}
	return nil
}

// step takes the parameters against the gradient of a batch's mean loss, and returns the sum of its losses.
func (d *Device) step(titles []int32, labels []float32, rate float32) (loss float64) {
	n, width := len(titles), d.shape.Width
	table := d.titles(d.local)
	for k, i := range titles {
		copy(d.v[k*width:(k+1)*width], table[int(i)*width:(int(i)+1)*width])
		if !d.met[i] {
			d.met[i] = true
			d.named = append(d.named, i)
		}
	}
	d.forward(n)
	loss = d.judge(labels)
	d.backward(n)
	for k, i := range titles {
		kernel.Axpy(-rate, d.dv[k*width:(k+1)*width], table[int(i)*width:(int(i)+1)*width])
	}
	kernel.Axpy(-rate, d.grad, d.rest(d.local))
	return loss
}

// forward leaves the logits of n samples in slopes.
func (d *Device) forward(n int) {
	width, u, out := d.shape.Width, d.person(d.local), d.out(d.local)
	in, from := d.v, width
	for i, to := range d.shape.Layers {
		w, b := d.layer(d.local, i)
		if i == 0 {
			kernel.NN(d.base, u, w, 1, to, width)
			kernel.Add(d.base, b)
			w, b = w[width*to:], d.base
		}
		kernel.NN(d.outs[i], in, w, n, to, from)
		kernel.BiasRelu(d.outs[i][:n*to], b, n)
		in, from = d.outs[i], to
	}
	for j, o := range out[:width] {
		d.gated[j] = o * u[j]
	}
	kernel.NT(d.slopes, d.v, d.gated, n, 1, width)
	kernel.AddNT(d.slopes, in, out[width:], n, 1, from)
	c := out[len(out)-1]
	for k := range d.slopes[:n] {
		d.slopes[k] += c
	}
}

// judge turns logits into the slopes of the mean loss, and returns the sum of the binary cross-entropies.
func (d *Device) judge(labels []float32) (loss float64) {
	n := float64(len(labels))
	for k, y := range labels {
		z := float64(d.slopes[k])
		e := math.Exp(-math.Abs(z))
		loss += max(z, 0) - z*float64(y) + math.Log1p(e)
		p := 1 / (1 + e)
		if z < 0 {
			p = e * p
		}
		d.slopes[k] = float32((p - float64(y)) / n)
	}
	return loss
}

// backward takes slopes to the gradient: of the titles' vectors in dv, of all else in grad.
func (d *Device) backward(n int) {
	width, u, out := d.shape.Width, d.person(d.local), d.out(d.local)
	top := len(d.shape.Layers) - 1
	h := d.shape.Layers[top]
	last := d.outOf(d.grad)
	kernel.TN(d.summed, d.slopes, d.v, 1, width, n)
	for j, s := range d.summed {
		last[j] = u[j] * s
	}
	kernel.TN(last[width:width+h], d.slopes, d.outs[top], 1, h, n)
	var c float32
	for _, s := range d.slopes[:n] {
		c += s
	}
	last[width+h] = c
	kernel.NN(d.dOuts[top], d.slopes, out[width:], n, h, 1)
	for i := top; i >= 0; i-- {
		to := d.shape.Layers[i]
		kernel.ReluBackward(d.dOuts[i][:n*to], d.outs[i][:n*to])
		w, _ := d.layer(d.local, i)
		dw, db := d.layerOf(d.grad, i)
		clear(db)
		kernel.SumRows(db, d.dOuts[i][:n*to], n)
		if i == 0 {
			d.first(n, w, dw, db)
			return
		}
		from := d.shape.Layers[i-1]
		kernel.TN(dw, d.outs[i-1], d.dOuts[i], from, to, n)
		kernel.NT(d.dOuts[i-1], d.dOuts[i], w, n, from, to)
	}
}

// first takes the first layer's gradient to its weights, the person and the titles.
func (d *Device) first(n int, w, dw, db []float32) {
	width, to, u, out := d.shape.Width, d.shape.Layers[0], d.person(d.local), d.out(d.local)
	mine, theirs := w[:width*to], w[width*to:]
	kernel.NN(dw[:width*to], u, db, width, to, 1)
	kernel.TN(dw[width*to:], d.v, d.dOuts[0], width, to, n)
	du := d.grad[:width]
	kernel.NT(du, db, mine, 1, width, to)
	for j, o := range out[:width] {
		du[j] += o * d.summed[j]
	}
	kernel.NT(d.dv, d.dOuts[0], theirs, n, width, to)
	kernel.AddNN(d.dv, d.slopes, d.gated, n, width, 1)
}

// difference turns what changed into the difference from the round, in place, and gives its norm.
func (d *Device) difference() float64 {
	width, square := d.shape.Width, 0.0
	for _, i := range d.named {
		row := d.titles(d.local)[int(i)*width : (int(i)+1)*width]
		kernel.Axpy(-1, d.titles(d.round)[int(i)*width:(int(i)+1)*width], row)
		square += kernel.SumSquares(row)
	}
	kernel.Axpy(-1, d.rest(d.round), d.rest(d.local))
	return math.Sqrt(square + kernel.SumSquares(d.rest(d.local)))
}

func (d *Device) add(sum []float32, factor float32) {
	width := d.shape.Width
	for _, i := range d.named {
		lo, hi := int(i)*width, (int(i)+1)*width
		kernel.Axpy(factor, d.local[lo:hi], sum[lo:hi])
	}
	kernel.Axpy(factor, d.rest(d.local), d.rest(sum))
}

// putBack makes local the round's again.
func (d *Device) putBack() {
	width := d.shape.Width
	for _, i := range d.named {
		lo, hi := int(i)*width, (int(i)+1)*width
		copy(d.local[lo:hi], d.round[lo:hi])
		d.met[i] = false
	}
	d.named = d.named[:0]
	copy(d.rest(d.local), d.rest(d.round))
}

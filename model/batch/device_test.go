package batch

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainDevice is NeuMF's score and its gradient written out from the formula, in float64 and without any shortcut.
type plainDevice struct {
	s      Shape
	params []float64
}

// epoch steps over the samples in batches, and gives the mean loss.
func (p *plainDevice) epoch(titles []int32, labels []float32, rate float64) (loss float64) {
	for at := 0; at < len(titles); at += p.s.Batch {
		end := min(at+p.s.Batch, len(titles))
		grad := make([]float64, len(p.params))
		for k := at; k < end; k++ {
			loss += p.sample(grad, int(titles[k]), float64(labels[k]), float64(end-at)) / float64(len(titles))
		}
		for i, g := range grad {
			p.params[i] -= rate * g
		}
	}
	return loss
}

// sample adds one sample's part of the mean loss's gradient to grad, and gives its loss.
func (p *plainDevice) sample(grad []float64, title int, y, n float64) float64 {
	w := p.s.Width
	v, u := p.params[title*w:(title+1)*w], p.params[p.s.Items*w:(p.s.Items+1)*w]
	acts := [][]float64{slices.Concat(u, v)}
	places, at := []int{}, (p.s.Items+1)*w
	for _, to := range p.s.Layers {
		in, out := acts[len(acts)-1], make([]float64, to)
		for j := range out {
			out[j] = p.params[at+len(in)*to+j]
			for i, x := range in {
				out[j] += x * p.params[at+i*to+j]
			}
			out[j] = max(0, out[j])
		}
		places, acts, at = append(places, at), append(acts, out), at+len(in)*to+to
	}
	top := acts[len(acts)-1]
	z := p.params[at+w+len(top)]
	for j := range w {
		z += p.params[at+j] * u[j] * v[j]
	}
	for j, x := range top {
		z += p.params[at+w+j] * x
	}
	g := (1/(1+math.Exp(-z)) - y) / n
	grad[at+w+len(top)] += g
	gv, gu := grad[title*w:(title+1)*w], grad[p.s.Items*w:(p.s.Items+1)*w]
	for j := range w {
		o := p.params[at+j]
		grad[at+j] += g * u[j] * v[j]
		gv[j] += g * o * u[j]
		gu[j] += g * o * v[j]
	}
	d := make([]float64, len(top))
	for j, x := range top {
		grad[at+w+j] += g * x
		d[j] = g * p.params[at+w+j]
	}
	for l := len(places) - 1; l >= 0; l-- {
		in, to := acts[l], p.s.Layers[l]
		below := make([]float64, len(in))
		for j := range d {
			if acts[l+1][j] <= 0 {
				continue
			}
			grad[places[l]+len(in)*to+j] += d[j]
			for i, x := range in {
				grad[places[l]+i*to+j] += d[j] * x
				below[i] += d[j] * p.params[places[l]+i*to+j]
			}
		}
		d = below
	}
	for j := range w {
		gu[j] += d[j]
		gv[j] += d[w+j]
	}
	return max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
}

// TestDeviceIsPlainSGD holds updates against the formula: several devices one after another, whose clips cut and do not.
func TestDeviceIsPlainSGD(t *testing.T) {
	for _, s := range []Shape{
		{Users: 1, Items: 9, Width: 4, Layers: []int{3}, Batch: 5, Adam: DefaultAdam()},
		{Users: 1, Items: 40, Width: 8, Layers: []int{8, 5, 2}, Batch: 16, Adam: DefaultAdam()},
		{Users: 1, Items: 7, Width: 1, Layers: []int{1}, Batch: 100, Adam: DefaultAdam()},
	} {
		rng := rand.New(rand.NewPCG(1, uint64(s.Items)))
		d, err := NewDevice(s, rng)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Parameters() {
			d.Parameters()[i] = float32(rng.NormFloat64() * 0.7)
		}
		d.Restart()
		before := slices.Clone(d.Parameters())
		for _, clip := range []float32{100, 0.01, 0.5} {
			titles, labels := make([]int32, 33), make([]float32, 33)
			for k := range titles {
				titles[k], labels[k] = int32(rng.IntN(s.Items)), float32(rng.IntN(2))
			}
			plain := plainDevice{s: s}
			for _, v := range before {
				plain.params = append(plain.params, float64(v))
			}
			wantLoss := plain.epoch(titles, labels, 0.3)
			sum := make([]float32, len(before))
			for i := range sum {
				sum[i] = 2
			}
			loss, norm, err := d.Update(sum, titles, labels, 0.3, clip)
			if err != nil {
				t.Fatal(err)
			}
			var square float64
			for i, v := range plain.params {
				square += (v - float64(before[i])) * (v - float64(before[i]))
			}
			if want := math.Sqrt(square); math.Abs(norm-want) > 1e-4*want || math.Abs(loss-wantLoss) > 1e-4*wantLoss {
				t.Errorf("%+v: norm %v and loss %v, want %v and %v", s, norm, loss, want, wantLoss)
			}
			factor := min(1, float64(clip)/norm)
			for i, v := range sum {
				if want := 2 + factor*(plain.params[i]-float64(before[i])); math.Abs(float64(v)-want) > 1e-5 {
					t.Fatalf("%+v, clip %v: place %d of the sum is %v, want %v", s, clip, i, v, want)
				}
			}
			if !slices.Equal(before, d.Parameters()) || !slices.Equal(before, d.local) {
				t.Fatalf("%+v: an update left its marks on the parameters", s)
			}
		}
	}
}

func TestDeviceRefuses(t *testing.T) {
	s := NeuMFShape(1, 5)
	d, err := NewDevice(s, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	sum := make([]float32, len(d.Parameters()))
	nan := float32(math.NaN())
	for name, update := range map[string]func() error{
		"a short sum":      func() error { _, _, err := d.Update(sum[1:], []int32{1}, []float32{1}, 0.1, 1); return err },
		"no samples":       func() error { _, _, err := d.Update(sum, nil, nil, 0.1, 1); return err },
		"too few labels":   func() error { _, _, err := d.Update(sum, []int32{1, 2}, []float32{1}, 0.1, 1); return err },
		"an unknown title": func() error { _, _, err := d.Update(sum, []int32{1, 5}, []float32{1, 1}, 0.1, 1); return err },
		"title -1":         func() error { _, _, err := d.Update(sum, []int32{-1}, []float32{1}, 0.1, 1); return err },
		"a rate of NaN":    func() error { _, _, err := d.Update(sum, []int32{1}, []float32{1}, nan, 1); return err },
		"no clip":          func() error { _, _, err := d.Update(sum, []int32{1}, []float32{1}, 0.1, 0); return err },
	} {
		if err := update(); err == nil {
			t.Errorf("accepted %s", name)
		}
	}
	before := slices.Clone(d.Parameters())
	if _, _, err := d.Update(sum, []int32{1, 2}, []float32{nan, 0}, 0.1, 1); !errors.Is(err, ErrNotFinite) {
		t.Errorf("a label of NaN gives %v", err)
	}
	for i, v := range sum {
		if v != 0 || d.local[i] != before[i] {
			t.Fatalf("place %d: a refused update left %v in the sum and %v in the parameters", i, v, d.local[i])
		}
	}
	for _, bad := range []Shape{{Users: 2, Items: 5, Width: 4, Layers: []int{2}, Batch: 3, Adam: DefaultAdam()}, {Users: 1, Items: 5, Width: 4, Batch: 3, Adam: DefaultAdam()}} {
		if _, err := NewDevice(bad, rand.New(rand.NewPCG(1, 2))); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}

func TestDeviceAllocatesNothing(t *testing.T) {
	d, err := NewDevice(NeuMFShape(1, peerItems), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	_, titles, labels := draw(825, true)
	sum := make([]float32, len(d.Parameters()))
	if n := testing.AllocsPerRun(10, func() {
		if _, _, err := d.Update(sum, titles, labels, 0.1, 0.5); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}

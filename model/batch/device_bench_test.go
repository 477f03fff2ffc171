package batch

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cinesync/cinesync/model/kernel"
)

// BenchmarkDevice is a device of bench/peers/pfl_train.py, of the same samples: 825 of them in batches of 256, NeuMF over 3,706 titles
// × 32, MLP 64-32-16-8, SGD, clip, sum. The baseline is the matrix products over titles' vectors that such an epoch cannot leave out.
func BenchmarkDevice(b *testing.B) {
	const samples, devices = 825, 200
	shape := NeuMFShape(1, peerItems)
	d, err := NewDevice(shape, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		b.Fatal(err)
	}
	_, titles, labels := draw(samples*devices, true)
	sum, at := make([]float32, len(d.Parameters())), 0
	update := func() {
		lo, hi := at%devices*samples, (at%devices+1)*samples
		if _, _, err := d.Update(sum, titles[lo:hi], labels[lo:hi], 0.1, 0.5); err != nil {
			b.Fatal(err)
		}
		at++
	}
	for range devices / 10 {
		update()
	}
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		update()
	}
	spent := cpu(b) - before
	b.ReportMetric(float64(b.N)/spent.Seconds(), "updates/cpu-s")
	b.ReportMetric(float64(spent)/float64(products(b.N, samples, shape)), "x-of-products")
}

// products is the time that the products of so many epochs take by themselves.
func products(epochs, samples int, s Shape) time.Duration {
	widths := append([]int{s.Width}, s.Layers...)
	x, w := make([]float32, samples*s.Width), make([]float32, s.Width*s.Width)
	y := make([]float32, samples*s.Width)
	began := time.Now()
	for range epochs {
		for i, to := range widths[1:] {
			from := widths[i]
			kernel.NN(y, x, w, samples, to, from)
			kernel.TN(w, x, y, from, to, samples)
			kernel.NT(x, y, w, samples, from, to)
		}
	}
	return time.Since(began)
}

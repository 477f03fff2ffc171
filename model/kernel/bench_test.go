package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// measure runs some calls at a time in each vector form, and prints how many times longer the portable form takes in the
// same run. Of both the shortest time counts: on a busy machine the rest measures the neighbours.
func measure(b *testing.B, name string, calls int, call func(l level)) {
	shortest := func(so time.Duration, l level) time.Duration {
		began := time.Now()
		for range calls {
			call(l)
		}
		return min(so, time.Since(began))
	}
	forms := levels()
	for _, l := range forms[:max(1, len(forms)-1)] {
		b.Run(fmt.Sprintf("%s/%v", name, l), func(b *testing.B) {
			ours, baseline := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			for b.Loop() {
				for range 4 {
					ours = shortest(ours, l)
				}
				baseline = shortest(baseline, portable)
			}
			b.ReportMetric(float64(ours)/float64(calls), "ns/op")
			b.ReportMetric(float64(baseline)/float64(ours), "x-portable")
		})
	}
}

// BenchmarkDevice is one local step of a device in the two-tower family on MovieLens 1M: scores of a few cuts against
// all items, their softmax, and both gradients.
func BenchmarkDevice(b *testing.B) {
	const items = 3706
	for _, s := range [][2]int{{4, 32}, {10, 32}, {4, 16}, {4, 64}} {
		cuts, dim := s[0], s[1]
		rng := rand.New(rand.NewPCG(1, 1))
		z, v, g := normals(rng, cuts*dim), normals(rng, items*dim), make([]float32, cuts*items)
		dz, dv := make([]float32, cuts*dim), make([]float32, items*dim)
		parts := []struct {
			name string
			call func(l level)
		}{
			{"scores", func(l level) { l.nt(g, z, v, cuts, items, dim, false) }},
			{"softmax", func(l level) {
				for c := range cuts {
					l.softmax(g[c*items:][:items])
				}
			}},
			{"dz", func(l level) { l.nn(dz, g, v, cuts, dim, items, false) }},
			{"dv", func(l level) { l.tn(dv, g, z, items, dim, cuts, false) }},
		}
		shape := fmt.Sprintf("c=%d,d=%d", cuts, dim)
		if cuts == 4 && dim == 32 {
			for _, p := range parts {
				measure(b, shape+"/"+p.name, 1, p.call)
			}
		}
		measure(b, shape+"/step", 1, func(l level) {
			for _, p := range parts {
				p.call(l)
			}
		})
	}
}

// BenchmarkLayers is forward and backward through NeuMF's layers for a batch.
func BenchmarkLayers(b *testing.B) {
	const batch = 256
	widths := []int{64, 32, 16, 8}
	rng := rand.New(rand.NewPCG(2, 2))
	act, grad := make([][]float32, len(widths)), make([][]float32, len(widths))
	weights, dw, bias := make([][]float32, len(widths)), make([][]float32, len(widths)), make([][]float32, len(widths))
	for i, w := range widths {
		act[i], grad[i] = normals(rng, batch*w), normals(rng, batch*w)
		if i > 0 {
			weights[i], dw[i], bias[i] = normals(rng, w*widths[i-1]), make([]float32, w*widths[i-1]), normals(rng, w)
		}
	}
	measure(b, "64-32-16-8", 1, func(l level) {
		for i := 1; i < len(widths); i++ {
			l.nt(act[i], act[i-1], weights[i], batch, widths[i], widths[i-1], false)
			l.biasRelu(act[i], bias[i], batch)
		}
		for i := len(widths) - 1; i > 0; i-- {
			l.reluBackward(grad[i], act[i])
			l.tn(dw[i], grad[i], act[i-1], widths[i], widths[i-1], batch, false)
			clear(bias[i])
			l.sumRows(bias[i], grad[i], batch)
			l.nn(grad[i-1], grad[i], weights[i], batch, widths[i-1], widths[i], false)
		}
	})
}

// BenchmarkInBatch is the two-tower batch whose negatives are the other users' items.
func BenchmarkInBatch(b *testing.B) {
	const batch = 256
	for _, dim := range []int{32, 64} {
		rng := rand.New(rand.NewPCG(3, 3))
		u, v, s := normals(rng, batch*dim), normals(rng, batch*dim), make([]float32, batch*batch)
		du, dv := make([]float32, batch*dim), make([]float32, batch*dim)
		measure(b, fmt.Sprintf("d=%d", dim), 1, func(l level) {
			l.nt(s, u, v, batch, batch, dim, false)
			for i := range batch {
				l.softmax(s[i*batch:][:batch])
			}
			l.nn(du, s, v, batch, dim, batch, false)
			l.tn(dv, s, u, batch, dim, batch, false)
		})
	}
}

// BenchmarkVectors is a row of 32, as sparse updates have them, and a long vector.
func BenchmarkVectors(b *testing.B) {
	for _, n := range []int{32, 1 << 14} {
		rng := rand.New(rand.NewPCG(4, 4))
		x, y, m, v := normals(rng, n), normals(rng, n), make([]float32, n), make([]float32, n)
		step := NewAdamStep(10, 1e-3, 0.9, 0.999, 1e-8)
		for _, p := range []struct {
			name string
			call func(l level)
		}{
			{"dot", func(l level) { l.dot(x, y) }},
			{"sum-squares", func(l level) { l.sumSquares(x) }},
			{"axpy", func(l level) { l.axpy(1e-9, x, y) }},
			{"exp-sum", func(l level) { l.expSum(m, 1) }},
			{"adam", func(l level) { l.adam(&step, y, m, v, x) }},
		} {
			measure(b, fmt.Sprintf("%s/n=%d", p.name, n), 1<<15/n, p.call)
		}
	}
}

package model

import (
	"fmt"
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/cinesync/cinesync/model/kernel"
)

// BenchmarkProducts prints how many times longer gonum's blas32 takes than our kernels, over the products of training: a
// device's cuts against MovieLens 1M, and NeuMF's widest layer over a batch. Of both the shortest time counts.
func BenchmarkProducts(b *testing.B) {
	general := func(rows, cols int) blas32.General {
		return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
	}
	for _, s := range []struct{ rows, cols, inner int }{{4, 3706, 32}, {256, 32, 64}, {256, 256, 32}} {
		left, right, out := general(s.rows, s.inner), general(s.cols, s.inner), general(s.rows, s.cols)
		for _, p := range []struct {
			name        string
			ours, gonum func()
		}{
			{"forward", func() { kernel.NT(out.Data, left.Data, right.Data, s.rows, s.cols, s.inner) },
				func() { blas32.Gemm(blas.NoTrans, blas.Trans, 1, left, right, 0, out) }},
			{"left-gradient", func() { kernel.NN(left.Data, out.Data, right.Data, s.rows, s.inner, s.cols) },
				func() { blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, out, right, 0, left) }},
			{"right-gradient", func() { kernel.TN(right.Data, out.Data, left.Data, s.cols, s.inner, s.rows) },
				func() { blas32.Gemm(blas.Trans, blas.NoTrans, 1, out, left, 0, right) }},
		} {
			b.Run(fmt.Sprintf("%d-%d-%d/%s", s.rows, s.cols, s.inner, p.name), func(b *testing.B) {
				ours, gonum := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
				for b.Loop() {
					fill(out.Data, 0.01)
					fill(left.Data, 0.01)
					fill(right.Data, 0.01)
					began := time.Now()
					p.ours()
					between := time.Now()
					p.gonum()
					ours, gonum = min(ours, between.Sub(began)), min(gonum, time.Since(between))
				}
				b.ReportMetric(float64(ours), "ns/op")
				b.ReportMetric(float64(gonum)/float64(ours), "x-gonum")
			})
		}
	}
}

// fill gives operands values again, since each is a result in turn.
func fill(v []float32, x float32) {
	for i := range v {
		v[i] = x
	}
}

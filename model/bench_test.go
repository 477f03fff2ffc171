package model

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cinesync/cinesync/model/kernel"
)

// BenchmarkTrain is a device's local function on MovieLens 100K's shape, against the least it has to read: three passes over
// the item vectors for each cut (scores, and the gradient of both towers).
func BenchmarkTrain(b *testing.B) {
	const items, dim = 1682, 16
	for _, family := range families {
		b.Run(family, func(b *testing.B) {
			s := start(b, family, items, dim)
			m, err := Open(s.Layout)
			if err != nil {
				b.Fatal(err)
			}
			local, err := DefaultLocal(family)
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			history := make([]Example, 100)
			for i := range history {
				history[i] = Example{Item: rng.IntN(items), At: int64(i)}
			}
			v, x, y := make([]float32, items*dim), make([]float32, dim), make([]float32, items)
			var passes time.Duration
			for b.Loop() {
				if _, _, err := Train(m, s.Params, history, local, rng); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				began := time.Now()
				for range 3 * local.Steps * local.Cuts {
					kernel.NT(y, x, v, 1, items, dim)
				}
				passes += time.Since(began)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed())/float64(passes), "x-of-three-passes")
		})
	}
}

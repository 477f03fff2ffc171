package lanes

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkForms times each loop in each form that this processor runs, on a block that stays in the first-level cache, and compares it with plain Go.
func BenchmarkForms(b *testing.B) {
	const n = 2048
	random := rand.New(rand.NewPCG(1, 1))
	x, out, coins := make([]float32, n), make([]int32, n), make([]byte, CoinBytes*n)
	for i := range x {
		x[i] = random.Float32() - 0.5
	}
	for i := range coins {
		coins[i] = byte(random.Uint32())
	}
	var sums Lanes
	loops := []struct {
		name string
		run  func(l level)
	}{
		{"squares of floats", func(l level) { l.addSquares(&sums, x) }},
		{"scale", func(l level) { l.scale(x, 1) }},
		{"round", func(l level) { l.round(out, x, coins, 65536*8, 50*65536) }},
		{"squares", func(l level) { l.squares(out) }},
		{"add", func(l level) { l.add(out, out) }},
	}
	for _, loop := range loops {
		for _, l := range levels() {
			b.Run(fmt.Sprintf("%s/form=%d", loop.name, l), func(b *testing.B) {
				for b.Loop() {
					loop.run(l)
				}
				ours := float64(b.Elapsed()) / float64(b.N)
				b.ReportMetric(ours/n, "ns/word")
				start, runs := time.Now(), 0
				for runs < 3 || time.Since(start) < 20*time.Millisecond {
					loop.run(portable)
					runs++
				}
				b.ReportMetric(ours/(float64(time.Since(start))/float64(runs)), "x-of-go")
			})
		}
	}
}

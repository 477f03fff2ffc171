package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/model"
)

// cpu is the processor time of this process so far.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTwoTower trains cohorts of MovieLens 1M's shape, draws, uploads, clip, rounding and sum included: 3,706 titles × 32, three
// channels, four steps of eight cuts and five targets, the whole catalogue, histories of 165 titles in the mean. Baselines of the same run: the CPU engine's updates
// in a second of one core; the memory's copy rate, by which an update that is written once, read twice and written in three steps, and read twice for the sum, takes
// 12 passes over 0.5 MB.
func BenchmarkTwoTower(b *testing.B) {
	for _, members := range []int{604, 6040} {
		b.Run(fmt.Sprint(members, " members"), func(b *testing.B) { benchmarkTwoTower(b, members) })
	}
}

func benchmarkTwoTower(b *testing.B, members int) {
	d := gputest.Open(b)
	t := on(b, d)
	c := cohort(b, shape{titles: 3706, dim: 32, ages: model.DefaultAges(), local: local(4, 8, 5, 0, 0.3)}, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	for range members {
		const mean, spread = 165, 1.0
		n := int(mean * math.Exp(spread*rng.NormFloat64()-spread*spread/2))
		c.Histories = append(c.Histories, history(rng, 3706, min(max(n, 19), 2300)))
	}
	sum := make([]int32, c.Grid.D)
	train := func() {
		if _, err := t.Train(sum, c); err != nil {
			b.Fatal(err)
		}
	}
	train()
	var took, used, one time.Duration
	const few = 64
	for b.Loop() {
		at, before := time.Now(), cpu(b)
		train()
		took, used = took+time.Since(at), used+cpu(b)-before
	}
	b.StopTimer()
	few64 := c
	few64.Histories = c.Histories[:few]
	before := cpu(b)
	onCPU(b, few64)
	one = cpu(b) - before
	rate := float64(members*b.N) / took.Seconds()
	b.ReportMetric(rate, "updates/s")
	b.ReportMetric(rate/50_000, "x-of-50,000/s")
	b.ReportMetric(rate/(few/one.Seconds()), "x-of-a-CPU-core")
	b.ReportMetric(rate*12*4*float64(c.Model.Layout.Size())/gputest.CopyRate(b, d), "x-of-copy-rate")
	b.ReportMetric(used.Seconds()/took.Seconds(), "cores-busy")
	b.ReportMetric(few/one.Seconds(), "CPU-updates/cpu-s")
}

package hostile

import (
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
)

// cpu is the processor time of this process so far, the garbage collector's included.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDevice is the processor time of one device in one whole round: reading and checking what the coordinator sends,
// keys, sharing, sealing, opening, clipping, quantising, noise, masking, answering, and the state it saves at each step. The
// baseline is the exact noise sampler alone; other systems' rounds have none, so that the time without it stands beside.
// bench/peers compares it with Flower's SecAgg+ at the same size.
func BenchmarkDevice(b *testing.B) {
	b.Run("devices=10/parameters=127000", func(b *testing.B) {
		sc := scene(10, aggregation.ModeSH)
		sc.D, sc.CInt = 127_000, 2852
		var spent, sampler time.Duration
		rounds := 0
		for b.Loop() {
			s := NewCoordinator(b, sc)
			for _, d := range s.Devices {
				d.meter = func(work func()) {
					before := cpu(b)
					work()
					spent += cpu(b) - before
				}
			}
			v, set := s.answered(everyone)
			v.Closes(set)
			for _, d := range s.Devices {
				if d.Closed == nil || !d.Closed.Counted {
					b.Fatal(d.Refused)
				}
			}
			h := privacy.HonestFloor(sc.Devices, int(sc.GammaBP), int(sc.DeltaBP))
			before := cpu(b)
			if _, err := privacy.Perturb(make([]int32, sc.D), privacy.LocalVariance(sc.sigmaTotSq(), h), streamOf("sampler")); err != nil {
				b.Fatal(err)
			}
			sampler += cpu(b) - before
			rounds++
		}
		device := spent.Seconds() / float64(rounds*sc.Devices)
		noise := sampler.Seconds() / float64(rounds)
		b.ReportMetric(1e3*device, "cpu-ms/device")
		b.ReportMetric(1e3*noise, "cpu-ms/sampler")
		b.ReportMetric(1e3*(device-noise), "cpu-ms/device-without-sampler")
		b.ReportMetric(device/noise, "x-of-sampler-alone")
	})
}

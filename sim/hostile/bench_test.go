package hostile

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
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

// measured adds the processor time of some work to a sum.
func measured(tb testing.TB, sum *time.Duration, work func()) {
	before := cpu(tb)
	work()
	*sum += cpu(tb) - before
}

// BenchmarkDevice is the processor time of one device in one whole round: reading and checking what the coordinator sends,
// keys, sharing, sealing, opening, clipping, quantising, noise, masking, answering, the state it saves at each step, and dropping
// vectors. Its update has no zeros and is longer than the clip. The baseline is the exact noise sampler; other systems' rounds have
// none, so that the time without it stands beside. Each device's noise is drawn once more for that, right after the device drew
// it and from the same key, and what it masked is then held against it: the baseline draws those very samples.
// bench/peers compares it with Flower's SecAgg+ at the same size.
func BenchmarkDevice(b *testing.B) {
	b.Run("devices=10/parameters=127000", func(b *testing.B) {
		sc := scene(10, aggregation.ModeSH)
		sc.D, sc.CInt = 127_000, 2852
		update, random := make([]float32, sc.D), rand.New(rand.NewPCG(1, 2))
		for i := range update {
			update[i] = float32(random.NormFloat64()) / 100 // of norm 3.6, and the clip is 2
		}
		var spent, sampler time.Duration
		rounds := 0
		for b.Loop() {
			s := NewCoordinator(b, sc)
			s.update = func(*Device) []float32 { return slices.Clone(update) }
			keys := make([]*firstRead, sc.Devices)
			for i, d := range s.Devices {
				keys[i] = &firstRead{r: d.cfg.Random}
				d.cfg.Random = keys[i]
				d.boot()
				d.meter = func(work func()) { measured(b, &spent, work) }
			}
			r := s.offered()
			v := r.Freeze(s.Log, r.Everyone(), nil)
			noise := make([][]uint32, sc.Devices)
			for i, d := range s.Devices {
				keys[i].first = nil
				v.Keys(d, nil)
				noise[i] = redrawn(b, sc, keys[i].first, &sampler)
			}
			v.uploads()
			v.Closes(v.answers(everyone))
			for i, d := range s.Devices {
				if d.Closed == nil || !d.Closed.Counted {
					b.Fatal(d.Refused)
				}
				aggregation.Sub(d.Truth[v.SID], noise[i])
				if !within(aggregation.Signed(d.Truth[v.SID], 32), sc.CInt) {
					b.Fatalf("%s: the noise that is taken off is not what it drew", d.Name)
				}
			}
			rounds++
		}
		device := spent.Seconds() / float64(rounds*sc.Devices)
		noise := sampler.Seconds() / float64(rounds*sc.Devices)
		b.ReportMetric(1e3*device, "cpu-ms/device")
		b.ReportMetric(1e3*noise, "cpu-ms/sampler")
		b.ReportMetric(1e3*(device-noise), "cpu-ms/device-without-sampler")
		b.ReportMetric(device/noise, "x-of-sampler-alone")
	})
}

// firstRead keeps what was read first: after the roster, the key of a device's noise.
type firstRead struct {
	r     io.Reader
	first []byte
}

func (f *firstRead) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if f.first == nil {
		f.first = bytes.Clone(p[:n])
	}
	return n, err
}

// redrawn draws a device's noise from its key, and measures the drawing alone.
func redrawn(b *testing.B, sc Scene, key []byte, sampler *time.Duration) []uint32 {
	h := privacy.HonestFloor(sc.Devices, int(sc.GammaBP), int(sc.DeltaBP))
	g, err := privacy.NewGaussian(privacy.LocalVariance(sc.sigmaTotSq(), h), privacy.NewStream([32]byte(key)))
	if err != nil {
		b.Fatal(err)
	}
	noise := make([]uint32, sc.D)
	clear(noise) // the pages are there now
	measured(b, sampler, func() { err = g.Perturb(noise) })
	if err != nil {
		b.Fatal(err)
	}
	return noise
}

// within says whether a vector keeps its bound, as one without its noise does and one with other noise does not.
func within(x []int32, cInt uint32) bool {
	left := int64(cInt) * int64(cInt)
	for _, v := range x {
		if left -= int64(v) * int64(v); left < 0 {
			return false
		}
	}
	return true
}

package round

import (
	"fmt"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
)

// BenchmarkRound is the coordinator's half of a whole round over vectors of 2^15 words, from the first key to the exact sum,
// with the devices' half left out of the time. The baseline is what no protocol could do without: hashing nothing, checking
// nothing, adding the same vectors up.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{24, 200} {
		b.Run(fmt.Sprintf("devices=%d", n), func(b *testing.B) {
			const d = 1 << 15
			w := newWorld(b, settings{n: n, d: d, delta: 1000}).revealAll()
			events := make([]Event, len(w.journal))
			for i, j := range w.journal {
				e, err := ParseEvent(j.event)
				if err != nil {
					b.Fatal(err)
				}
				events[i] = e
			}
			var step, settle time.Duration
			for b.Loop() {
				start := time.Now()
				m := New(w.cfg)
				for i, e := range events {
					m.Step(w.journal[i].at, e)
				}
				step += time.Since(start)
				start = time.Now()
				if _, err := w.refold(m.Pending()); err != nil {
					b.Fatal(err)
				}
				settle += time.Since(start)
			}
			ours := float64(b.Elapsed()) / float64(b.N)
			runs, start := 0, time.Now()
			for runs < 3 || time.Since(start) < 100*time.Millisecond {
				sum := make([]uint32, d)
				for _, y := range w.spool {
					if err := aggregation.AddWords(sum, y, 32); err != nil {
						b.Fatal(err)
					}
				}
				runs++
			}
			b.ReportMetric(float64(step.Milliseconds())/float64(b.N), "step-ms/op")
			b.ReportMetric(float64(settle.Milliseconds())/float64(b.N), "settle-ms/op")
			b.ReportMetric(ours/(float64(time.Since(start))/float64(runs)), "x-of-plain-sum")
		})
	}
}

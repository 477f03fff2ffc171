package serve

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/serve/rank"
)

// BenchmarkDesk asks from many sides at once for the best 10. x-of-each-alone is how many times faster that is than a call of the
// finder for each; joined is how many requests a call answered.
func BenchmarkDesk(b *testing.B) {
	const dim, asks = 64, 64
	for _, titles := range []int{62_000, 500_000} {
		table := testTable(b, titles, dim)
		k := &backend{t: b}
		d, err := openDesk("bench", table, Config{Finder: k.make, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		for _, askers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("titles=%d/askers=%d", titles, askers), func(b *testing.B) {
				k.batches = nil
				for b.Loop() {
					var wg sync.WaitGroup
					for asker := range askers {
						wg.Go(func() {
							for i := asker; i < asks; i += askers {
								if _, err := d.find(table.Vector(i), rank.Query{N: 10, Seen: []int{i}}); err != nil {
									b.Error(err)
								}
							}
						})
					}
					wg.Wait()
				}
				took, calls := b.Elapsed()/time.Duration(b.N), len(k.batches)
				began := time.Now()
				for i := range asks {
					if _, err := d.finder.Find(rank.Batch{Queries: table.Vector(i), N: 10}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(time.Since(began))/float64(took), "x-of-each-alone")
				b.ReportMetric(float64(asks*b.N)/float64(calls), "joined")
			})
		}
	}
}

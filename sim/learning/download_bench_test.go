package learning

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/delta"
)

// BenchmarkDownload trains on MovieLens 1M (120 people × 400 rounds, no noise) and says what a device downloads that has the model of an
// earlier round: bytes of the delta, and as parts of the tensors in halves and of those in float32, titles left out. The time is of making
// and applying the delta.
func BenchmarkDownload(b *testing.B) {
	items := make([]string, benchItems)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	start, err := model.Spec{Family: model.TwoTowerFamily, Dim: 32}.New(items, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := range start.Params {
		start.Params[i] *= 0.3
	}
	if start, err = start.InHalves(); err != nil {
		b.Fatal(err)
	}
	from, apart := []int{20, 100, 200, 350}, []int{1, 5, 20}
	files := map[int][]byte{}
	cfg := Config{Rounds: 400, Cohort: 120, Seed: 1, Grid: aggregation.Grid{C: 0.5, CInt: 2834, XMax: 2834, WordBits: 32},
		Local:     model.Local{Name: model.TwoTowerFamily, Version: 1, Steps: 1, Cuts: 4, Next: 5, Dropout: 0.3, Rate: 1, RateDense: 0.1},
		Optimizer: model.Optimizer{Rate: 0.03, Beta1: 0.9, Beta2: 0.99, Average: 0.9, PerCoordinate: true},
		Progress: func(r Round) error {
			for _, f := range from {
				if r.Number == f || slices.Contains(apart, r.Number-f) {
					files[r.Number] = r.Model.Encode()
				}
			}
			return nil
		}}
	if _, err := Run(cfg, start, movielens(b)); err != nil {
		b.Fatal(err)
	}
	for _, f := range from {
		for _, d := range apart {
			b.Run(fmt.Sprintf("round=%d/apart=%d", f, d), func(b *testing.B) {
				base, next := files[f], files[f+d]
				var size int
				for b.Loop() {
					d, err := delta.Encode(base, next)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := delta.Apply(base, d, sha256.Sum256(next)); err != nil {
						b.Fatal(err)
					}
					size = len(d)
				}
				halves := float64(2 * start.Layout.Size())
				b.ReportMetric(float64(size), "delta-B")
				b.ReportMetric(float64(size)/halves, "x-of-halves")
				b.ReportMetric(float64(size)/(2*halves), "x-of-float32")
			})
		}
	}
}

package rank

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/model"
)

// heapTop chooses with a heap, one score after the other: what Top is compared with.
func heapTop(scores []float32, n int) []Item {
	var h []Item // the candidate to be given up next at its root
	for i, s := range scores {
		it := Item{i, s}
		switch {
		case len(h) < n:
			h = append(h, it)
			for at := len(h) - 1; at > 0 && before(h[(at-1)/2], h[at]) < 0; at = (at - 1) / 2 {
				h[at], h[(at-1)/2] = h[(at-1)/2], h[at]
			}
		case before(it, h[0]) < 0:
			h[0] = it
			for at := 0; ; {
				worst := at
				for _, child := range [2]int{2*at + 1, 2*at + 2} {
					if child < len(h) && before(h[worst], h[child]) < 0 {
						worst = child
					}
				}
				if worst == at {
					break
				}
				h[at], h[worst] = h[worst], h[at]
				at = worst
			}
		}
	}
	slices.SortFunc(h, before)
	return h
}

// timed is the processor time of a call, in nanoseconds, over at least 200 ms and two calls. Others on the machine do not count.
func timed(b *testing.B, f func()) float64 {
	n := 0
	start := processor(b)
	for n < 2 || processor(b)-start < 200*time.Millisecond {
		f()
		n++
	}
	return float64((processor(b) - start).Nanoseconds()) / float64(n)
}

// processor is the time that this process has computed for.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkTop(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	scores := make([]float32, 60_000)
	for i := range scores {
		scores[i] = rng.Float32()
	}
	heap := timed(b, func() { heapTop(scores, 100) })
	sorted := timed(b, func() {
		all := make([]Item, len(scores))
		for i, s := range scores {
			all[i] = Item{i, s}
		}
		slices.SortFunc(all, before)
	})
	start := processor(b)
	for b.Loop() {
		if _, err := Top(scores, 100, nil); err != nil {
			b.Fatal(err)
		}
	}
	took := float64(processor(b)-start) / float64(b.N)
	b.ReportMetric(took/sorted, "x-of-full-sort")
	b.ReportMetric(heap/took, "x-of-heap")
}

// BenchmarkFind lists 100 of many titles on one core; time is the processor's. x-of-scores is how many times faster it is than all scores in float32 and a heap,
// query by query; x-of-read is its time as a multiple of reading the vectors once from memory, which nothing can beat for one query.
func BenchmarkFind(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const dim, n = 64, 100
	for _, titles := range []int{62_000, 1_000_000} {
		rng := rand.New(rand.NewPCG(1, 2))
		ids := make([]string, titles)
		for i := range ids {
			ids[i] = fmt.Sprint(i)
		}
		layout, err := model.Spec{Family: model.TwoTowerFamily, Dim: dim}.Layout(ids)
		if err != nil {
			b.Fatal(err)
		}
		s := &model.Snapshot{Layout: layout, Params: normals(rng, layout.Size())}
		at, size, _ := layout.Offset("v")
		vectors := s.Params[at : at+size]
		at, size, _ = layout.Offset("b")
		table, err := NewTable(vectors, s.Params[at:at+size], dim)
		if err != nil {
			b.Fatal(err)
		}
		f, err := NewFinder(table)
		if err != nil {
			b.Fatal(err)
		}
		scores := make([]float32, titles)
		old := timed(b, func() {
			scorer, err := model.VectorScorer(s, normals(rng, dim))
			if err != nil {
				b.Fatal(err)
			}
			scorer.Scores(scores)
			heapTop(scores, n)
		})
		var sink float32
		read := timed(b, func() { sink += sum(vectors) })
		if sink != sink {
			b.Fatal(sink)
		}
		for _, queries := range []int{1, 32, 256} {
			batch := Batch{Queries: normals(rng, queries*dim), N: n}
			b.Run(fmt.Sprintf("titles=%d/batch=%d", titles, queries), func(b *testing.B) {
				start := processor(b)
				for b.Loop() {
					if _, err := f.Find(batch); err != nil {
						b.Fatal(err)
					}
				}
				took := float64(processor(b)-start) / float64(b.N)
				b.ReportMetric(float64(queries)/took*1e9, "queries/s")
				b.ReportMetric(old*float64(queries)/took, "x-of-scores")
				b.ReportMetric(took/read, "x-of-read")
				b.ReportMetric(2*float64(queries*titles*dim)/took, "Gflop/s")
			})
		}
	}
}

// sum reads everything, a cache line at a time.
func sum(x []float32) (s float32) {
	for ; len(x) >= 64; x = x[64:] {
		s += x[0] + x[16] + x[32] + x[48]
	}
	return s
}

package topk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/serve/rank"
)

// BenchmarkTop lists the best 100 titles for batches of 256 queries of 64 dimensions. device-queries/s counts the device's time for a batch
// that lies there, as PyTorch's is counted; queries/s counts everything from batches on the host to their lists, four under way. Where `make
// gpu-bench` left bench/gpu/topk.py's figures of the same run, it prints x-of-pytorch (device against device) and x-of-pytorch-whole
// (everything against the device). of-ceiling is the part of the speed at which the titles' halves could be copied.
func BenchmarkTop(b *testing.B) {
	peers := pytorch(b)
	d := gputest.Open(b)
	k, err := Load(d)
	if err != nil {
		b.Fatal(err)
	}
	copied := gputest.CopyRate(b, d)
	for _, titles := range []int{62_000, 1_000_000} {
		t, batch := question(b, titles, 64, 256)
		f, err := k.open(t)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("Titles%d", titles), func(b *testing.B) {
			device := f.deviceTime(b, batch)
			b.ResetTimer()
			for b.Loop() {
				if _, err := f.Find(batch); err != nil {
					b.Fatal(err)
				}
			}
			whole := b.Elapsed() / time.Duration(b.N)
			both := f.together(b, batch)
			b.ReportMetric(256/device.Seconds(), "device-queries/s")
			b.ReportMetric(float64(whole.Microseconds()), "us-a-batch")
			b.ReportMetric(256/both.Seconds(), "queries/s")
			b.ReportMetric(float64(2*64*titles)/copied/device.Seconds(), "of-ceiling")
			if peer := peers[fmt.Sprint(titles)]; peer > 0 {
				b.ReportMetric(256/device.Seconds()/peer, "x-of-pytorch")
				b.ReportMetric(256/both.Seconds()/peer, "x-of-pytorch-whole")
			}
		})
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMasks lists for 256 people, each of whom has seen 200 titles, four batches under way. x-of-unmasked is the time beside lists without masks.
func BenchmarkMasks(b *testing.B) {
	k, err := Load(gputest.Open(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, titles := range []int{62_000, 1_000_000} {
		t, batch := question(b, titles, 64, 256)
		f, err := k.open(t)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("Titles%d", titles), func(b *testing.B) {
			plain := f.together(b, batch)
			rng := rand.New(rand.NewPCG(50, 1))
			masked := batch
			masked.Each = make([]rank.Mask, 256)
			for i := range masked.Each {
				rows := make([]int, 200)
				for j := range rows {
					rows[j] = rng.IntN(titles)
				}
				if masked.Each[i], err = rank.NewMask(titles, rows); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := f.Find(masked); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(256/f.deviceTime(b, masked).Seconds(), "device-queries/s")
			time := f.together(b, masked)
			b.ReportMetric(256/time.Seconds(), "queries/s")
			b.ReportMetric(float64(time)/float64(plain), "x-of-unmasked")
		})
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func question(b *testing.B, titles, dim, queries int) (*rank.Table, rank.Batch) {
	b.Helper()
	vectors, batch := make([]float32, titles*dim), rank.Batch{N: 100, Queries: make([]float32, queries*dim)}
	normal := func(x []float32, seed uint64) {
		rng := rand.New(rand.NewPCG(50, seed))
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
	}
	const part = 1 << 20
	par.Do((len(vectors)+part-1)/part, func(i int) { normal(vectors[i*part:min((i+1)*part, len(vectors))], uint64(i)+1) })
	normal(batch.Queries, 0)
	t, err := rank.NewTable(vectors, nil, dim)
	if err != nil {
		b.Fatal(err)
	}
	return t, batch
}

// deviceTime is the median time of a batch over rounds of ten that follow each other.
func (f *finder) deviceTime(b *testing.B, batch rank.Batch) time.Duration {
	b.Helper()
	l := <-f.lanes
	defer func() { f.lanes <- l }()
	const rounds, each = 21, 10
	var times []time.Duration
	for range rounds {
		w, err := l.begin(batch, len(batch.Queries)/f.plan.dim)
		from, err2 := l.stream.Mark()
		err = errors.Join(err, err2)
		for range each {
			err = errors.Join(err, l.prepare(w), l.scan(w))
		}
		to, err2 := l.stream.Mark()
		if err = errors.Join(err, err2); err != nil {
			b.Fatal(err)
		}
		took, err := gpu.Between(from, to)
		if err = errors.Join(err, l.read(w)); err != nil {
			b.Fatal(err)
		}
		if left := w.left(runs, full, exact); len(left) > 0 {
			b.Fatalf("%d queries need another look", len(left))
		}
		times = append(times, took/each)
		from.Free()
		to.Free()
	}
	slices.Sort(times)
	return times[rounds/2]
}

// together is the time that a batch takes when as many are under way as the finder takes.
func (f *finder) together(b *testing.B, batch rank.Batch) time.Duration {
	b.Helper()
	const each = 300
	var group sync.WaitGroup
	start := time.Now()
	for range lanes {
		group.Go(func() {
			for range each {
				if _, err := f.Find(batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(start) / (lanes * each)
}

// pytorch reads queries a second by titles: what bench/gpu/topk.py printed, in the folder CINESYNC_PYTORCH.
func pytorch(b *testing.B) map[string]float64 {
	folder := os.Getenv("CINESYNC_PYTORCH")
	if folder == "" {
		return nil
	}
	name := filepath.Join(folder, "topk-pytorch.txt")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		b.Fatal(err)
	}
	var rates map[string]float64
	if err := json.Unmarshal(text, &rates); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return rates
}

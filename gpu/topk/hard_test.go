package topk

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/serve/rank"
)

// twins is a finder under test beside the processor's, over one table.
type twins struct {
	table *rank.Table
	on    *finder
	off   rank.Finder
}

func twinsOf(t *testing.T, k *Kernels, vectors, biases []float32, dim int) twins {
	t.Helper()
	table, err := rank.NewTable(vectors, biases, dim)
	if err != nil {
		t.Fatal(err)
	}
	on, err := k.open(table)
	if err != nil {
		t.Fatal(err)
	}
	off, err := rank.NewFinder(table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(on.Close(), off.Close()); err != nil {
			t.Error(err)
		}
	})
	return twins{table, on, off}
}

// agree compares lists to the last bit.
func (p twins) agree(t *testing.T, b rank.Batch) {
	t.Helper()
	got, err := p.on.Find(b)
	want, err2 := p.off.Find(b)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d lists, want %d", len(got), len(want))
	}
	for q := range want {
		same := func(a, b rank.Item) bool {
			return a.Index == b.Index && math.Float32bits(a.Score) == math.Float32bits(b.Score)
		}
		if !slices.EqualFunc(got[q], want[q], same) {
			at := 0
			for at < min(len(got[q]), len(want[q])) && same(got[q][at], want[q][at]) {
				at++
			}
			t.Fatalf("query %d of %d: %d titles, want %d; they part at place %d: %v and %v", q, len(want), len(got[q]), len(want[q]), at,
				got[q][at:min(at+3, len(got[q]))], want[q][at:min(at+3, len(want[q]))])
		}
	}
}

func kernelsOf(t *testing.T) *Kernels {
	t.Helper()
	k, err := Load(gputest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func normals(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(50, seed))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func someMask(rng *rand.Rand, titles int, part float64) rank.Mask {
	m := make(rank.Mask, rank.MaskWords(titles))
	for i := range titles {
		if rng.Float64() < part {
			m[i/64] |= 1 << (i % 64)
		}
	}
	return m
}

// TestLargeTables asks where every path of the scan is used as in earnest: samples that skip tiles, many blocks, several passes.
func TestLargeTables(t *testing.T) {
	k := kernelsOf(t)
	for i, c := range []struct {
		titles, dim, queries, n int
		biased                  bool
	}{{300_007, 64, 70, 100, false}, {150_000, 20, 300, 37, true}, {100_001, 100, 129, 100, true}, {60_000, 200, 67, 1, false}, {70_000, 8, 1100, 10, true}, {9_999, 300, 3, 100, true},
		{500, 4096, 2, 20, false}} {
		t.Run(fmt.Sprintf("%dx%d", c.titles, c.dim), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(50, uint64(i)))
			var biases []float32
			if c.biased {
				biases = normals(uint64(10*i+1), c.titles)
			}
			p := twinsOf(t, k, normals(uint64(10*i+2), c.titles*c.dim), biases, c.dim)
			b := rank.Batch{N: c.n, Queries: normals(uint64(10*i+3), c.queries*c.dim)}
			p.agree(t, b)
			b.Barred = someMask(rng, c.titles, 0.3)
			p.agree(t, b)
			b.Barred[0] ^= 5 // another mask must go there
			b.Each = make([]rank.Mask, c.queries)
			masks := []rank.Mask{nil, someMask(rng, c.titles, 0.01), someMask(rng, c.titles, 0.999), someMask(rng, c.titles, 1)}
			for q := range b.Each {
				b.Each[q] = masks[q%4]
			}
			p.agree(t, b)
			// Masks with few words travel by words.
			masks = []rank.Mask{someMask(rng, c.titles, 0.001), make(rank.Mask, rank.MaskWords(c.titles)), someMask(rng, c.titles, 0.002), nil}
			for q := range b.Each {
				b.Each[q] = masks[q%4]
			}
			p.agree(t, b)
			for q := range b.Each {
				b.Each[q] = masks[1]
			}
			p.agree(t, b)
			if c.dim <= maxDim && p.on.looked.first == 0 {
				t.Error("no list came of the first look")
			}
		})
	}
}

// TestOtherLooks makes tables for which the sample's floor is far too low, and those where no floor helps.
func TestOtherLooks(t *testing.T) {
	k := kernelsOf(t)
	const titles, dim = 300_000, 16
	for _, c := range []struct {
		name          string
		fill          func(v, b []float32)
		again, exacts bool
	}{
		{"TheSampleMissesTheBest", func(v, b []float32) {
			copy(v, normals(7, len(v)))
			for i := range b {
				if i/tile%8 == 1 { // the sample is of every second
					b[i] = 1000 + v[i*dim]
				}
			}
		}, true, false},
		{"AllAlike", func(v, b []float32) {
			for i := range v {
				v[i] = 0.25
			}
		}, true, true},
		{"Infinite", func(v, b []float32) {
			for i := range v {
				v[i] = float32(i%5-2) * 1e38
			}
		}, false, true},
		{"TinyBesideGreat", func(v, b []float32) {
			copy(v, normals(8, len(v)))
			for i := range v {
				v[i] *= 1e-9
			}
			v[5], v[77*dim] = 1e6, -1e6
		}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, b := make([]float32, titles*dim), make([]float32, titles)
			c.fill(v, b)
			p := twinsOf(t, k, v, b, dim)
			if p.on.plan.every != 2 {
				t.Fatalf("the sample is of every %d-th tile, the test thinks of every second", p.on.plan.every)
			}
			for _, n := range []int{1, 100} {
				p.agree(t, rank.Batch{N: n, Queries: normals(9, 20*dim)})
			}
			if l := p.on.looked; c.again && l.again == 0 || c.exacts && l.exact == 0 {
				t.Errorf("looks: %+v", l)
			}
		})
	}
}

// TestEveryN lists 1 to 100 titles, for batches of several sizes.
func TestEveryN(t *testing.T) {
	k := kernelsOf(t)
	p := twinsOf(t, k, normals(1, 30_000*24), normals(2, 30_000), 24)
	for n := 1; n <= rank.MaxN; n++ {
		p.agree(t, rank.Batch{N: n, Queries: normals(uint64(n), 24*(1+n*n%37))})
	}
}

// TestLittleMemory opens within budgets that do not suffice, and goes on where they do.
func TestLittleMemory(t *testing.T) {
	d := gputest.OpenIndex(t, 0, gpu.Options{Budget: 12 << 20})
	k, err := Load(d)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rank.NewTable(normals(1, 100_000*64), nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(large); !errors.Is(err, gpu.ErrMemory) {
		t.Fatalf("a table beyond the budget: %v, want ErrMemory", err)
	}
	p := twinsOf(t, k, normals(1, 3000*64), nil, 64)
	if lists, err := p.on.Find(rank.Batch{N: 100, Queries: normals(2, 64*1000)}); !errors.Is(err, gpu.ErrMemory) || !errors.Is(err, rank.ErrRoom) || lists != nil {
		t.Errorf("a batch beyond the budget: %d lists, %v, want ErrMemory and ErrRoom", len(lists), err)
	}
	if _, used := d.Budget(); used > 4<<20 {
		t.Errorf("%d bytes are held after that", used)
	}
	small := twinsOf(t, k, normals(1, 500*8), nil, 8)
	if _, err := small.on.Find(rank.Batch{N: 5, Queries: normals(3, 8)}); err != nil && !errors.Is(err, gpu.ErrMemory) {
		t.Error(err)
	}
}

func TestAClosedFinderSaysSo(t *testing.T) {
	k := kernelsOf(t)
	p := twinsOf(t, k, normals(1, 100*8), nil, 8)
	if err := p.on.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.on.Find(rank.Batch{N: 1, Queries: normals(2, 8)}); err == nil {
		t.Error("a closed finder answers")
	}
}

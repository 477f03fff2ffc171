package scan

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// scales are sizes of numbers from nothing to overflow.
func scales() []float64 { return []float64{0, 1e-42, 1e-30, 1e-20, 1e-6, 1, 1e6, 1e15, 1e18, 1e30} }

func fill(t *rapid.T, name string, n int) []float32 {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, name), 1))
	scale := rapid.SampledFrom(scales()).Draw(t, name+" scale")
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64() * scale)
	}
	return out
}

// TestScoresStayWithinTheError compares every form with sums in float64, and the marks with the scores.
func TestScoresStayWithinTheError(t *testing.T) {
	for _, l := range levels() {
		rapid.Check(t, func(t *rapid.T) {
			titles, dim := rapid.IntRange(1, 600).Draw(t, "titles"), rapid.IntRange(1, 70).Draw(t, "dim")
			_, room := l.width(rapid.IntRange(1, MaxQueries).Draw(t, "room"))
			n := rapid.IntRange(1, room).Draw(t, "queries")
			vectors, biases, queries := fill(t, "vectors", titles*dim), fill(t, "biases", titles), fill(t, "queries", n*dim)
			var least [MaxQueries]float32
			for q := range least {
				least[q] = float32(math.Inf(1))
				if q < n {
					least[q] = rapid.SampledFrom([]float32{float32(math.Inf(-1)), -1, 0, 1e-43, 3, 1e20}).Draw(t, "least")
				}
			}
			p, group := Pack(vectors, biases, dim), make([]float32, room*dim)
			Interleave(group, queries, dim, room)
			f := NewFound(room + 1) // the last row is nobody's
			for i := range f.Hits {
				f.Hits[i] = 0xfeed
			}
			for i := range f.Scores {
				f.Scores[i] = -77
			}
			for block := range p.Blocks() {
				scanBlock(l, f, p, block, room, group, &least)
				for q := range room {
					query := make([]float32, dim)
					if q < n {
						query = queries[q*dim : (q+1)*dim]
					}
					check(t, f, p, vectors, biases, query, q, block, least[q])
				}
				for _, x := range f.Scores[room*Block:] {
					if x != -77 {
						t.Fatal("scores behind the group's are written")
					}
				}
				for _, x := range f.Hits[room*words:] {
					if x != 0xfeed {
						t.Fatal("hits behind the group's are written")
					}
				}
			}
		})
	}
}

// scanBlock is Panels.Scan in a form.
func scanBlock(l level, f *Found, p *Panels, block, room int, group []float32, least *[MaxQueries]float32) {
	was := best
	defer func() { best = was }()
	best = l
	p.Scan(f, block, room, group, least)
}

func check(t *rapid.T, f *Found, p *Panels, vectors, biases, query []float32, q, block int, least float32) {
	norm := 0.0
	for _, x := range query {
		norm += float64(x) * float64(x)
	}
	e := p.Error(block, math.Sqrt(norm))
	hits, scores := f.Of(q)
	for i, got := range scores {
		row, hit := block*Block+i, hits[i/64]>>(i%64)&1 == 1
		if row >= len(biases) {
			if hit {
				t.Fatalf("query %d: row %d of %d is marked", q, row, len(biases))
			}
			continue
		}
		if want := !(got < least); hit != want {
			t.Fatalf("query %d, row %d: score %v, least %v, marked %v", q, row, got, least, hit)
		}
		exact := 0.0
		for k, x := range query {
			exact += float64(x) * float64(vectors[row*len(query)+k])
		}
		exact = float64(float32(exact + float64(biases[row])))
		if math.IsInf(float64(e), 1) {
			continue
		}
		if low, high := got-e, got+e; !(math.Abs(float64(got)-exact) <= float64(e)) || float64(low) > exact || float64(high) < exact || low == high {
			t.Fatalf("query %d, row %d: score %v, exactly %v, off by more than %v: %v to %v", q, row, got, exact, e, low, high)
		}
	}
}

// TestErrorIsNotIdle wants the bound to be near what sums are off by, so that it separates scores.
func TestErrorIsNotIdle(t *testing.T) {
	p := Pack([]float32{3, 4}, []float32{-5}, 2)
	if e := p.Error(0, 2); e < 15*0x1p-24 || e > 200*0x1p-24 {
		t.Errorf("the error for sums up to 15 is %v", e)
	}
	if e := p.Error(0, 1e38); !math.IsInf(float64(e), 1) {
		t.Errorf("the error where sums overflow is %v", e)
	}
}

func TestAbove(t *testing.T) {
	for _, l := range levels() {
		was := best
		best = l
		rapid.Check(t, func(t *rapid.T) {
			scores := rapid.SliceOfN(rapid.SampledFrom([]float32{-2, -1, 0, 0.5, 1, math.MaxFloat32}), 0, 400).Draw(t, "scores")
			least := rapid.SampledFrom([]float32{float32(math.Inf(-1)), -1, 0.25, 7}).Draw(t, "least")
			endless := rapid.SampledFrom([]float64{0, 0, math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(t, "endless")
			if len(scores) > 0 && endless != 0 {
				scores[rapid.IntRange(0, len(scores)-1).Draw(t, "place")] = float32(endless)
			}
			hits := make([]uint64, (len(scores)+63)/64)
			if finite := Above(hits, scores, least); finite != (len(scores) == 0 || endless == 0) {
				t.Fatalf("finite is %v", finite)
			}
			count := 0
			for _, w := range hits {
				count += bits.OnesCount64(w)
			}
			for i, s := range scores {
				if hit := hits[i/64]>>(i%64)&1 == 1; hit != !(s < least) {
					t.Fatalf("place %d: %v with least %v is marked %v", i, s, least, hit)
				} else if hit {
					count--
				}
			}
			if count != 0 {
				t.Fatal("places behind the last score are marked")
			}
		})
		best = was
	}
}

func TestWidths(t *testing.T) {
	for _, l := range levels() {
		for n := 1; n < 40; n++ {
			take, room := l.width(n)
			if take < 1 || take > n || room < take || room > MaxQueries {
				t.Errorf("form %d: of %d queries %d, with room %d", l, n, take, room)
			}
		}
	}
}

// BenchmarkScan times a block in each form, in cache, and compares with plain Go.
func BenchmarkScan(b *testing.B) {
	const dim = 64
	rng := rand.New(rand.NewPCG(1, 1))
	vectors, biases := make([]float32, Block*dim), make([]float32, Block)
	for i := range vectors {
		vectors[i] = rng.Float32()
	}
	p, f := Pack(vectors, biases, dim), NewFound(MaxQueries)
	for _, l := range levels() {
		for _, n := range []int{1, 2, 4, 8, 12} {
			take, room := l.width(n)
			group := make([]float32, room*dim)
			Interleave(group, vectors[:take*dim], dim, room)
			var least [MaxQueries]float32
			for q := range least {
				least[q] = 1e9
			}
			b.Run(fmt.Sprintf("form=%d/queries=%d", l, room), func(b *testing.B) {
				for b.Loop() {
					l.scan(f, p, 0, room, group, &least)
				}
				b.ReportMetric(2*float64(room*Block*dim)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gflop/s")
			})
		}
	}
}

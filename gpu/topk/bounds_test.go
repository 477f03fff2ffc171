package topk

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/serve/rank"
)

// TestBoundsHold compares every score of tensor cores with the one that counts: they are never further apart than the bound says. The tables
// are so small that no floor is found, so all titles become candidates.
func TestBoundsHold(t *testing.T) {
	k := kernelsOf(t)
	const titles, queries = 1500, 40
	for i, c := range []struct {
		name string
		fill func(rng *rand.Rand, v, b, q []float32, dim int)
	}{
		{"Plain", func(*rand.Rand, []float32, []float32, []float32, int) {}},
		{"Biased", func(_ *rand.Rand, _, b, _ []float32, _ int) { copy(b, normals(77, len(b))) }},
		{"Spread", func(rng *rand.Rand, v, b, q []float32, _ int) {
			for _, x := range [][]float32{v, b, q} {
				for i := range x {
					x[i] = float32(rng.NormFloat64() * math.Pow(10, rng.Float64()*12-6))
				}
			}
		}},
		{"Cancelling", func(rng *rand.Rand, v, b, q []float32, dim int) { // sums go up, and come back by another way
			for i := range v {
				v[i] = float32((1 + rng.Float64()) * float64(1-i%dim/(dim/2)*2))
			}
			for i := range q {
				q[i] = float32(1 + rng.Float64())
			}
		}},
		{"Tiny", func(_ *rand.Rand, v, b, q []float32, _ int) {
			for _, x := range [][]float32{v, b, q} {
				for i := range x {
					x[i] *= 1e-21
				}
			}
		}},
	} {
		for _, dim := range []int{2, 32, 64, 100, 256} {
			t.Run(fmt.Sprintf("%s/%d", c.name, dim), func(t *testing.T) {
				v, b, q := normals(uint64(i), titles*dim), make([]float32, titles), normals(uint64(i)+100, queries*dim)
				c.fill(rand.New(rand.NewPCG(50, uint64(i))), v, b, q, dim)
				p := twinsOf(t, k, v, b, dim)
				checkBounds(t, p, rank.Batch{N: 100, Queries: q}, queries)
			})
		}
	}
}

func checkBounds(t *testing.T, p twins, batch rank.Batch, queries int) {
	t.Helper()
	f := p.on
	l := <-f.lanes
	defer func() { f.lanes <- l }()
	w, err := l.begin(batch, queries)
	if err != nil {
		t.Fatal(err)
	}
	r, s := &l.room, l.stream
	found, needs, slack, bounds := make([]uint64, most*queries), make([]float32, 4*queries), make([]float32, queries), make([]float32, 4*f.plan.tiles)
	err = errors.Join(s.Fill(r.found, 0, 8*len(found), 0xff), l.prepare(w), l.scan(w), s.Download(gpu.Bytes(found), r.found, 0),
		s.Download(gpu.Bytes(needs), r.needs, 0), s.Download(gpu.Bytes(slack), r.slack, 0), s.Download(gpu.Bytes(bounds), f.on.bounds, 0))
	if err != nil {
		t.Fatal(err)
	}
	seen, worst := 0, 0.0
	for q := range queries {
		query := batch.Queries[q*f.plan.dim : (q+1)*f.plan.dim]
		own := halfExponent(greatest(query))
		if f.bias > 0 {
			own = min(own, min(60-math.Ilogb(float64(f.bias)), 100)-f.exponent)
		}
		for _, one := range found[q*most : (q+1)*most] {
			if one == math.MaxUint64 {
				continue
			}
			seen++
			row, got := int(uint32(one)), float64(math.Float32frombits(uint32(one>>32)))
			want := math.Ldexp(float64(p.table.Score(query, row)), own+f.exponent)
			n, b := needs[4*q:], bounds[4*(row/tile):]
			bound := float64(n[1])*float64(b[0]) + float64(n[2])*float64(b[1]) + float64(n[3])*float64(b[2]) + float64(slack[q])
			if off := math.Abs(got - want); off > bound {
				t.Fatalf("query %d, row %d: %v where %v counts: off by %v, the bound is %v", q, row, got, want, off, bound)
			} else if bound > 0 {
				worst = max(worst, off/bound)
			}
		}
	}
	if seen != queries*f.plan.titles {
		t.Errorf("%d scores were seen, want all %d", seen, queries*f.plan.titles)
	}
	t.Logf("at most %.3f of the bound", worst)
}

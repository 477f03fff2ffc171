package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cinesync/cinesync/model"
)

// world is a model with every coordinate moved away from its start.
func world(t testing.TB, family string, items, dim int, rng *rand.Rand) *model.Snapshot {
	t.Helper()
	ids, features := make([]string, items), make([][]float32, items)
	for i := range ids {
		ids[i] = fmt.Sprintf("tmdb:movie:%d", i)
		features[i] = []float32{rng.Float32(), rng.Float32(), rng.Float32(), rng.Float32()}
	}
	s, err := model.New(family, ids, features, dim)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Params {
		s.Params[i] += float32(rng.NormFloat64() * 0.3)
	}
	return s
}

// sample draws a loss: history and targets may overlap, negatives may come twice.
func sample(items int, rng *rand.Rand) model.Sample {
	list := func(n int) []int {
		out := make([]int, n)
		for i := range out {
			out[i] = rng.IntN(items)
		}
		return out
	}
	s := model.Sample{Past: rng.Perm(items)[:1+rng.IntN(items-1)], Targets: rng.Perm(items)[:1+rng.IntN(5)], Negatives: list(1 + rng.IntN(30))}
	if rng.IntN(3) == 0 {
		s.Negatives = nil // the whole catalogue
	}
	return s
}

// TestGraphsAgreeWithTheHandWrittenGradients holds every tensor of both families to automatic differentiation, over random
// sizes and samples. What is left is the rounding of float32.
func TestGraphsAgreeWithTheHandWrittenGradients(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		for seed := range uint64(12) {
			rng := rand.New(rand.NewPCG(seed, 1))
			items, dim := 6+rng.IntN(60), 2+rng.IntN(15)
			s, draw := world(t, family, items, dim, rng), sample(items, rng)
			loss, grad, err := model.Gradient(s.Layout, s.Params, draw)
			if err != nil {
				t.Fatal(err)
			}
			want, oracle, err := Gradient(s.Layout, s.Params, draw)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-want) > 1e-5*(1+want) {
				t.Errorf("%s, seed %d: loss %v, the graph's is %v", family, seed, loss, want)
			}
			compare(t, fmt.Sprintf("%s, seed %d, %d items of width %d", family, seed, items, dim), s.Layout, grad, oracle)
		}
	}
}

func compare(t *testing.T, name string, l model.Layout, got []float32, want []float64) {
	t.Helper()
	at := 0
	for _, tensor := range l.Tensors {
		var off, size float64
		for i := at; i < at+tensor.Size(); i++ {
			off += (float64(got[i]) - want[i]) * (float64(got[i]) - want[i])
			size += want[i] * want[i]
		}
		at += tensor.Size()
		if off, size = math.Sqrt(off), math.Sqrt(size); off > 1e-5*(0.1+size) {
			t.Errorf("%s: gradient of %s, of length %.4g, is %.3g away from the graph's", name, tensor.Name, size, off)
		}
	}
}

// TestGraphsGradientIsTheSlopeOfItsLoss checks the oracle itself by finite differences, in float64.
func TestGraphsGradientIsTheSlopeOfItsLoss(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		rng := rand.New(rand.NewPCG(3, 3))
		s, draw := world(t, family, 9, 3, rng), sample(9, rng)
		_, grad, err := Gradient(s.Layout, s.Params, draw)
		if err != nil {
			t.Fatal(err)
		}
		loss := func(j int, h float32) float64 {
			p := append([]float32(nil), s.Params...)
			p[j] += h
			v, _, err := Gradient(s.Layout, p, draw)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		for j := 0; j < len(s.Params); j += 5 {
			const h = 1.0 / 4096
			// The step that float32 really takes is not quite 2h.
			step := float64(s.Params[j]+h) - float64(s.Params[j]-h)
			slope := (loss(j, h) - loss(j, -h)) / step
			if math.Abs(slope-grad[j]) > 1e-4*(1+math.Abs(grad[j])) {
				t.Errorf("%s: coordinate %d has gradient %v, slope %v", family, j, grad[j], slope)
			}
		}
	}
}

func TestGradientRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	tower, ncf := world(t, model.TwoTowerFamily, 9, 3, rng), world(t, model.NCFFamily, 9, 3, rng)
	good := sample(9, rng)
	for name, run := range map[string]func(s model.Sample) error{
		"no targets":      func(s model.Sample) error { s.Targets = nil; return refused(tower, s) },
		"target outside":  func(s model.Sample) error { s.Targets = []int{9}; return refused(tower, s) },
		"history outside": func(s model.Sample) error { s.Past = []int{-1}; return refused(tower, s) },
		"no history":      func(s model.Sample) error { s.Past = nil; return refused(tower, s) },
		"nothing solved":  func(s model.Sample) error { s.Past = nil; return refused(ncf, s) },
		"negative outside": func(s model.Sample) error {
			s.Negatives = []int{42}
			return refused(ncf, s)
		},
		"few parameters": func(s model.Sample) error {
			_, _, err := Gradient(tower.Layout, tower.Params[1:], s)
			return err
		},
		"unknown family": func(s model.Sample) error {
			l := tower.Layout
			l.Family = "oracle"
			_, _, err := Gradient(l, tower.Params, s)
			return err
		},
	} {
		if run(good) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func refused(s *model.Snapshot, draw model.Sample) error {
	_, _, err := Gradient(s.Layout, s.Params, draw)
	return err
}

// BenchmarkGradient gives the graph's time as a multiple of the hand-written gradient's, at the demonstration's size.
func BenchmarkGradient(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	s, draw := world(b, model.TwoTowerFamily, 1682, 16, rng), sample(1682, rng)
	draw.Past = draw.Past[:min(100, len(draw.Past))]
	var hand time.Duration
	for b.Loop() {
		if _, _, err := Gradient(s.Layout, s.Params, draw); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		began := time.Now()
		if _, _, err := model.Gradient(s.Layout, s.Params, draw); err != nil {
			b.Fatal(err)
		}
		hand += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(hand), "x-of-hand-written")
}

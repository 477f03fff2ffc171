package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/model"
)

// history are some titles, without repeats.
func history(items, n int, rng *rand.Rand) []model.Example {
	out := make([]model.Example, 0, n)
	for _, i := range rng.Perm(items)[:n] {
		out = append(out, model.Example{Item: i})
	}
	return out
}

// TestBothEnginesTrainAlike trains several steps on the same draws, with the whole catalogue and with a sample of it, and compares the
// updates tensor by tensor. What is left is the rounding of float32.
func TestBothEnginesTrainAlike(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		for seed := range uint64(4) {
			for _, negatives := range []uint32{0, 7} {
				rng := rand.New(rand.NewPCG(seed, 2))
				items, dim := 12+rng.IntN(30), 2+rng.IntN(6)
				s := world(t, family, items, dim, rng)
				s.Layout.Tensors[0].Group = 0.5
				l := model.Local{Name: family, Version: 1, Steps: 3, Cuts: 3, Next: 4, Negatives: negatives, Dropout: 0.3, Rate: 0.2, RateDense: 0.05}
				past := history(items, 2+rng.IntN(10), rng)
				m, err := model.Open(s.Layout)
				if err != nil {
					t.Fatal(err)
				}
				reference, err := NewTrainer(s.Layout, s.Params)
				if err != nil {
					t.Fatal(err)
				}
				got, want := make([]float32, s.Layout.Size()), make([]float32, s.Layout.Size())
				a, b := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 3))
				loss, err := m.Trainer(s.Params).Update(got, past, l, a)
				if err != nil {
					t.Fatal(err)
				}
				wantLoss, err := reference.Update(want, past, l, b)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%s, seed %d, %d negatives", family, seed, negatives)
				if a.Uint64() != b.Uint64() {
					t.Errorf("%s: one engine drew more than the other", name)
				}
				if math.Abs(loss-wantLoss) > 1e-4*(1+wantLoss) {
					t.Errorf("%s: loss %v, the reference's is %v", name, loss, wantLoss)
				}
				compare(t, name, s.Layout, got, wide(want))
				if nothing(want) {
					t.Errorf("%s: the reference learnt nothing", name)
				}
			}
		}
	}
}

func nothing(v []float32) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}

func TestReferenceEngineRefuses(t *testing.T) {
	s := world(t, model.TwoTowerFamily, 9, 3, rand.New(rand.NewPCG(1, 1)))
	if _, err := NewTrainer(s.Layout, s.Params[1:]); err == nil {
		t.Error("took too few parameters")
	}
	other := s.Layout
	other.Family = "oracle"
	if _, err := NewTrainer(other, s.Params); err == nil {
		t.Error("took an unknown family")
	}
	trainer, err := NewTrainer(s.Layout, s.Params)
	if err != nil {
		t.Fatal(err)
	}
	l, err := model.DefaultLocal(model.TwoTowerFamily)
	if err != nil {
		t.Fatal(err)
	}
	ncf, err := model.DefaultLocal(model.NCFFamily)
	if err != nil {
		t.Fatal(err)
	}
	dst, good := make([]float32, s.Layout.Size()), []model.Example{{Item: 1}, {Item: 2}}
	for name, run := range map[string]func() error{
		"nothing":        func() error { _, err := trainer.Update(dst, nil, l, rand.New(rand.NewPCG(1, 1))); return err },
		"one title":      func() error { _, err := trainer.Update(dst, good[:1], l, rand.New(rand.NewPCG(1, 1))); return err },
		"little room":    func() error { _, err := trainer.Update(dst[1:], good, l, rand.New(rand.NewPCG(1, 1))); return err },
		"another family": func() error { _, err := trainer.Update(dst, good, ncf, rand.New(rand.NewPCG(1, 1))); return err },
		"title outside": func() error {
			_, err := trainer.Update(dst, []model.Example{{Item: 1}, {Item: 9}}, l, rand.New(rand.NewPCG(1, 1)))
			return err
		},
	} {
		if run() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// cpu is the processor time of this process so far: what waits for a processor does not count.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTrainer gives the reference engine's processor time for one local update as a multiple of the hand-written one's, at
// MovieLens 100K's size: 4 cuts, one step, the whole catalogue.
func BenchmarkTrainer(b *testing.B) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		b.Run(family, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			s := world(b, family, 1682, 16, rng)
			past := history(1682, 100, rng)
			l := model.Local{Name: family, Version: 1, Steps: 1, Cuts: 4, Next: 5, Dropout: 0.3, Rate: 1, RateDense: 0.1}
			m, err := model.Open(s.Layout)
			if err != nil {
				b.Fatal(err)
			}
			own := m.Trainer(s.Params)
			reference, err := NewTrainer(s.Layout, s.Params)
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]float32, s.Layout.Size())
			var hand, graphs time.Duration
			for b.Loop() {
				before := cpu(b)
				if _, err := reference.Update(dst, past, l, rng); err != nil {
					b.Fatal(err)
				}
				between := cpu(b)
				const each = 50 // one is shorter than the clock's grain
				for range each {
					if _, err := own.Update(dst, past, l, rng); err != nil {
						b.Fatal(err)
					}
				}
				graphs += between - before
				hand += (cpu(b) - between) / each
			}
			b.ReportMetric(float64(l.Cuts)*float64(b.N)/graphs.Seconds(), "cuts/cpu-s")
			b.ReportMetric(float64(graphs)/float64(hand), "x-of-hand-written")
		})
	}
}

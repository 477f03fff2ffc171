package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var headFamilies = []string{SequentialFamily, HybridFamily}

// startedHead is a head over a two-tower whose parameters are all disturbed.
func startedHead(t testing.TB, family string, titles, dim int) *Snapshot {
	t.Helper()
	s, err := NewHead(family, disturbed(t, TwoTowerFamily, titles, dim, 3))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shaken moves everything that a head trains, so that no gradient is zero by chance.
func shaken(s *Snapshot) *Snapshot {
	rng := rand.New(rand.NewPCG(4, 4))
	at := 0
	for _, tensor := range s.Layout.Tensors {
		for i := at; i < at+tensor.Size() && tensor.Group != 0; i++ {
			s.Params[i] += float32(rng.NormFloat64() * 0.3)
		}
		at += tensor.Size()
	}
	return s
}

// TestHeadGradient holds the backward pass against differences of the loss, tensor by tensor.
func TestHeadGradient(t *testing.T) {
	for _, family := range headFamilies {
		s := shaken(startedHead(t, family, 14, 6))
		h := mustOpen(t, s.Layout).(*head)
		history := examples(3, 7, 1, 9, 12, 0, 5, 8)
		loss := func(params []float32) float64 {
			tr := h.trainer(params)
			tr.keep, tr.at, tr.places = []int{3, 7, 9, 12, 0}, []int{0, 1, 3, 4, 5}, []int{0, 4, 2, 4}
			return tr.gradient(params, make([]float32, len(params)), history, 2)
		}
		grad := make([]float32, len(s.Params))
		tr := h.trainer(s.Params)
		tr.keep, tr.at, tr.places = []int{3, 7, 9, 12, 0}, []int{0, 1, 3, 4, 5}, []int{0, 4, 2, 4}
		tr.gradient(s.Params, grad, history, 2)
		at := 0
		for _, tensor := range s.Layout.Tensors {
			var worst, size float64
			for i := at; i < at+tensor.Size() && tensor.Group != 0; i++ {
				const step = 1e-2
				moved := slices.Clone(s.Params)
				moved[i] += step
				above := loss(moved)
				moved[i] -= 2 * step
				numeric := (above - loss(moved)) / (2 * step)
				worst = max(worst, math.Abs(numeric-float64(grad[i])))
				size = max(size, math.Abs(numeric))
			}
			if tensor.Group != 0 && (worst > 2e-3+0.03*size || size == 0) {
				t.Errorf("%s: tensor %s: gradient off by %v, the largest is %v", family, tensor.Name, worst, size)
			}
			at += tensor.Size()
		}
	}
}

// TestHybridBeginsAsItsTowers wants the scores of a fresh hybrid to be those of the model that it was made of.
func TestHybridBeginsAsItsTowers(t *testing.T) {
	base := disturbed(t, TwoTowerFamily, 14, 6, 3)
	s, err := NewHead(HybridFamily, base)
	if err != nil {
		t.Fatal(err)
	}
	for _, history := range [][]Example{examples(3), examples(3, 7, 1, 9, 12)} {
		want, got := make([]float32, 14), make([]float32, 14)
		for _, c := range []struct {
			s   *Snapshot
			dst []float32
		}{{base, want}, {s, got}} {
			scorer, err := mustOpen(t, c.s.Layout).Scorer(c.s.Params, history)
			if err != nil {
				t.Fatal(err)
			}
			scorer.Scores(c.dst)
		}
		if !slices.Equal(got, want) {
			t.Errorf("scores %v, the two-tower's %v", got, want)
		}
	}
}

// TestHeadReadsOrderAndTheNewestAlone wants another order to give other scores, and titles beyond the window to change nothing in the
// sequential head.
func TestHeadReadsOrderAndTheNewestAlone(t *testing.T) {
	s := shaken(startedHead(t, SequentialFamily, 200, 6))
	m := mustOpen(t, s.Layout)
	scores := func(h []Example) []float32 {
		scorer, err := m.Scorer(s.Params, h)
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, 200)
		scorer.Scores(dst)
		return dst
	}
	if slices.Equal(scores(examples(1, 2, 3)), scores(examples(2, 1, 3))) {
		t.Error("order changes nothing")
	}
	var long []Example
	for i := range 150 {
		long = append(long, Example{Item: i})
	}
	if !slices.Equal(scores(long), scores(long[150-headWindow:])) {
		t.Error("titles beyond the window change the scores")
	}
	if slices.Equal(scores(long), scores(long[150-headWindow+1:])) {
		t.Error("the oldest title of the window changes nothing")
	}
}

// TestHeadsTrainWithoutTouchingWhatIsFrozen trains for some steps at one place.
func TestHeadsTrainWithoutTouchingWhatIsFrozen(t *testing.T) {
	for _, family := range headFamilies {
		s := startedHead(t, family, 20, 6)
		l := mustLocal(t, family)
		m := mustOpen(t, s.Layout)
		opt := Optimizer{Rate: 0.02, Beta1: 0.9, Beta2: 0.99, PerCoordinate: true}
		history := examples(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
		rng := rand.New(rand.NewPCG(1, 1))
		var first, last float64
		now := s
		for round := range 60 {
			update, loss, err := Train(m, now.Params, history, l, rng)
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				first = loss
			}
			last = loss
			up := NewUplink(now.Layout, 0, [32]byte{})
			sent, mean := make([]float32, up.Words()), make([]float32, len(update))
			if up.Words() != l.Words(now.Layout) || up.Words() >= len(update)-20*6 {
				t.Fatalf("%s: %d words travel of %d", family, up.Words(), len(update))
			}
			up.Shrink(sent, update)
			up.Grow(mean, sent)
			if !slices.Equal(mean, update) {
				t.Fatalf("%s: what travels is not the update", family)
			}
			if now, _, err = opt.Apply(now, mean, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
		if !(last < first-0.3) {
			t.Errorf("%s: the loss went from %v to %v", family, first, last)
		}
		for _, name := range []string{"v", "b"} {
			if !slices.Equal(now.Layout.tensor(now.Params, name), s.Layout.tensor(s.Params, name)) {
				t.Errorf("%s: tensor %s moved", family, name)
			}
		}
	}
}

func TestHeadsAllocateNothingPerUpdate(t *testing.T) {
	for _, family := range headFamilies {
		s := startedHead(t, family, 20, 8)
		tr := mustOpen(t, s.Layout).Trainer(s.Params)
		dst, rng, l := make([]float32, len(s.Params)), rand.New(rand.NewPCG(1, 1)), mustLocal(t, family)
		history := examples(0, 1, 2, 3, 4, 5, 6, 7)
		run := func() {
			if _, err := tr.Update(dst, history, l, rng); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			run()
		}
		if n := testing.AllocsPerRun(50, run); n > 0 {
			t.Errorf("%s: %v allocations an update", family, n)
		}
	}
}

func TestNewHeadRefuses(t *testing.T) {
	if _, err := NewHead(SequentialFamily, start(t, NCFFamily, 6, 4)); err == nil || !strings.Contains(err.Error(), "two-tower") {
		t.Errorf("a head over another family: %v", err)
	}
	if _, err := NewHead(TwoTowerFamily, start(t, TwoTowerFamily, 6, 4)); err == nil {
		t.Error("a head that is none: accepted")
	}
	if _, err := New(SequentialFamily, ids(6), nil, 4); err == nil {
		t.Error("a head over nothing: accepted")
	}
	s := startedHead(t, HybridFamily, 6, 4)
	if got, err := Parse(s.Encode()); err != nil || !slices.Equal(got.Params, s.Params) {
		t.Errorf("a head's file does not come back: %v", err)
	}
}

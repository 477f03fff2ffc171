package batch

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainAdam is algorithm 1 of the paper in float64 for one parameter and its gradients.
func plainAdam(a Adam, x float64, grads map[int]float64, steps int) float64 {
	var m, v float64
	for t := 1; t <= steps; t++ {
		g, named := grads[t]
		if !named {
			continue
		}
		m, v = a.Beta1*m+(1-a.Beta1)*g, a.Beta2*v+(1-a.Beta2)*g*g
		x -= a.Rate * (m / (1 - math.Pow(a.Beta1, float64(t)))) / (math.Sqrt(v/(1-math.Pow(a.Beta2, float64(t)))) + a.Epsilon)
	}
	return x
}

// TestStepIsLazyAdamOnTheGradient follows some parameters through steps of which one leaves their row out.
func TestStepIsLazyAdamOnTheGradient(t *testing.T) {
	s := small(4, 2)
	s.Adam.Rate = 0.05
	m, err := NewNeuMF(s, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	disturb(m.Tensors(), rand.New(rand.NewPCG(3, 4)))
	batches := [][2][]int32{{{0, 1, 0}, {2, 3, 2}}, {{1, 1}, {0, 4}}, {{0, 2}, {2, 2}}}
	labels := []float32{1, 0, 1}
	type place struct{ tensor, at int }
	places := []place{{0, 1}, {0, 5}, {1, 2*2*3 + 1}, {2, 0}, {3, 1}, {6, 0}, {6, 5}}
	start, grads := map[place]float64{}, map[place]map[int]float64{}
	for _, p := range places {
		start[p], grads[p] = float64(m.Tensors()[p.tensor].Params[p.at]), map[int]float64{}
	}
	for i, b := range batches {
		_, at, err := m.Gradient(b[0], b[1], labels[:len(b[0])])
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range places {
			row := int32(p.at / at[p.tensor].Cols)
			if p.tensor < 2 && !slices.Contains(b[p.tensor], row) {
				continue
			}
			grads[p][i+1] = float64(at[p.tensor].Gradient[p.at])
		}
		if _, err := m.Step(b[0], b[1], labels[:len(b[0])]); err != nil {
			t.Fatal(err)
		}
	}
	if len(grads[places[0]]) != 2 || len(grads[places[4]]) != 3 {
		t.Fatalf("row 0 is in %d batches, the layers in %d: want 2 and 3", len(grads[places[0]]), len(grads[places[4]]))
	}
	for _, p := range places {
		got, want := float64(m.Tensors()[p.tensor].Params[p.at]), plainAdam(s.Adam, start[p], grads[p], len(batches))
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("%s[%d] is %v after three steps, the paper's algorithm gives %v", m.Tensors()[p.tensor].Name, p.at, got, want)
		}
	}
}

func TestStepsAllocateNothing(t *testing.T) {
	s, rng := small(4, 2), rand.New(rand.NewPCG(1, 2))
	neumf, err := NewNeuMF(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	tower, err := NewTwoTower(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	users, items, labels := sampled(6, s, rng)
	for name, step := range map[string]func() error{
		"NeuMF":      func() error { _, err := neumf.Step(users, items, labels); return err },
		"two towers": func() error { _, err := tower.Step(users, items, labels); return err },
	} {
		if n := testing.AllocsPerRun(20, func() {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

func TestStepsRefuse(t *testing.T) {
	s, rng := small(4, 2), rand.New(rand.NewPCG(1, 2))
	neumf, err := NewNeuMF(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	tower, err := NewTwoTower(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]struct {
		users, items []int32
		labels       []float32
	}{
		"nothing":          {},
		"too many":         {make([]int32, 7), make([]int32, 7), make([]float32, 7)},
		"items missing":    {[]int32{1, 2}, []int32{1}, []float32{1, 1}},
		"labels missing":   {[]int32{1, 2}, []int32{1, 1}, []float32{1}},
		"user outside":     {[]int32{5}, []int32{1}, []float32{1}},
		"negative user":    {[]int32{-1}, []int32{1}, []float32{1}},
		"item outside":     {[]int32{1}, []int32{7}, []float32{1}},
		"NaN as a label":   {[]int32{1}, []int32{2}, []float32{float32(math.NaN())}},
		"infinity instead": {[]int32{1}, []int32{2}, []float32{float32(math.Inf(1))}},
	} {
		before := slices.Clone(neumf.Tensors()[0].Params)
		if _, err := neumf.Step(b.users, b.items, b.labels); err == nil {
			t.Errorf("NeuMF, %s: accepted", name)
		}
		if !slices.Equal(before, neumf.Tensors()[0].Params) {
			t.Errorf("NeuMF, %s: refused, and learnt from it", name)
		}
		if b.labels == nil {
			b.labels = []float32{} // nil stands for no correction
		}
		if _, err := tower.Step(b.users, b.items, b.labels); err == nil {
			t.Errorf("two towers, %s: accepted", name)
		}
	}
}

// TestRunawayTrainingStops takes a rate at which no training survives, and looks at what is left.
func TestRunawayTrainingStops(t *testing.T) {
	s, rng := small(4, 2), rand.New(rand.NewPCG(1, 2))
	m, err := NewTwoTower(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors()[0].Params[0] = float32(math.Inf(1))
	before := slices.Clone(m.Tensors()[3].Params)
	if _, err := m.Step([]int32{0, 1}, []int32{1, 2}, nil); !errors.Is(err, ErrNotFinite) {
		t.Errorf("an infinite parameter gives %v", err)
	}
	if !slices.Equal(before, m.Tensors()[3].Params) {
		t.Error("the items moved")
	}
}

func TestShapesRefused(t *testing.T) {
	for name, change := range map[string]func(*Shape){
		"no users":      func(s *Shape) { s.Users = 0 },
		"one item":      func(s *Shape) { s.Items = 1 },
		"no width":      func(s *Shape) { s.Width = 0 },
		"no batch":      func(s *Shape) { s.Batch = 0 },
		"huge batch":    func(s *Shape) { s.Batch = 1 << 20 },
		"empty layer":   func(s *Shape) { s.Layers = []int{4, 0} },
		"many layers":   func(s *Shape) { s.Layers = make([]int, 9) },
		"huge table":    func(s *Shape) { s.Users, s.Width = 1<<22, 1<<10 },
		"rate NaN":      func(s *Shape) { s.Adam.Rate = math.NaN() },
		"decay of one":  func(s *Shape) { s.Adam.Beta2 = 1 },
		"epsilon of 0":  func(s *Shape) { s.Adam.Epsilon = 0 },
		"negative user": func(s *Shape) { s.Users = -1 },
	} {
		s, rng := small(4, 2), rand.New(rand.NewPCG(1, 2))
		change(&s)
		if _, err := NewNeuMF(s, rng); err == nil {
			t.Errorf("NeuMF, %s: accepted", name)
		}
		if _, err := NewTwoTower(s, rng); err == nil {
			t.Errorf("two towers, %s: accepted", name)
		}
	}
	if _, err := NewNeuMF(small(), rand.New(rand.NewPCG(1, 2))); err == nil {
		t.Error("NeuMF without an MLP was accepted")
	}
}

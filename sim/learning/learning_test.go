package learning

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
)

// people watch titles of one half of the catalogue, in turn: what follows what can be learned.
func people(n int) [][]model.Example {
	out := make([][]model.Example, n)
	for u := range out {
		for j := range 8 {
			out[u] = append(out[u], model.Example{Item: (u%2)*10 + (u/2+j)%10})
		}
	}
	return out
}

func config(t *testing.T, start *model.Snapshot) Config {
	t.Helper()
	local, err := model.DefaultLocal(start.Layout.Family)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Local: local, Rounds: 4, Seed: 7, Grid: aggregation.Grid{C: 0.5, CInt: 400, XMax: 400, WordBits: 32},
		Optimizer: model.Optimizer{Rate: 0.05, Beta1: 0.9, Beta2: 0.99, Average: 0.5, PerCoordinate: true}}
}

func start(t *testing.T) *model.Snapshot {
	t.Helper()
	items := make([]string, 20)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	s, err := model.Spec{Family: model.TwoTowerFamily, Dim: 4}.New(items, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSameSeedSameModelOnAnyNumberOfCores(t *testing.T) {
	s := start(t)
	for _, noise := range []float64{0, 0.5} {
		cfg := config(t, s)
		cfg.Noise, cfg.Cohort = noise, 9
		var models [][]float32
		for _, cores := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(cores)
			out, err := Run(cfg, s, people(12))
			runtime.GOMAXPROCS(before)
			if err != nil {
				t.Fatal(err)
			}
			models = append(models, out.Model.Params)
		}
		if !slices.Equal(models[0], models[1]) || !slices.Equal(models[0], models[2]) {
			t.Errorf("noise %v: the model depends on the number of cores", noise)
		}
		cfg.Seed++
		if out, err := Run(cfg, s, people(12)); err != nil || slices.Equal(out.Model.Params, models[0]) {
			t.Errorf("noise %v: another seed gives the same model (%v)", noise, err)
		}
	}
}

func TestTrainingLearns(t *testing.T) {
	s := start(t)
	cfg := config(t, s)
	cfg.Rounds = 60
	out, err := Run(cfg, s, people(12))
	if err != nil {
		t.Fatal(err)
	}
	first, last := out.Rounds[0].Loss, out.Rounds[len(out.Rounds)-1].Loss
	if !(last < first-0.5) {
		t.Errorf("the loss fell from %v to %v", first, last)
	}
}

// TestNoiseHasItsVariance takes two runs of one round that differ in noise alone.
func TestNoiseHasItsVariance(t *testing.T) {
	s := start(t)
	sums := func(noise float64, as int) []int64 {
		cfg := config(t, s)
		cfg.Rounds, cfg.Noise, cfg.As = 1, noise, as
		var sum []int64
		cfg.Progress = func(r Round) error { sum = slices.Clone(r.Sum); return nil }
		if _, err := Run(cfg, s, people(12)); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	exact := sums(0, 0)
	for _, c := range []struct {
		noise float64
		as    int
		sigma float64
	}{{0.5, 0, 200}, {100, 0, 40000}, {10, 120, 400}} {
		var square float64
		for i, v := range sums(c.noise, c.as) {
			square += float64(v-exact[i]) * float64(v-exact[i])
		}
		if got := math.Sqrt(square / float64(len(exact))); math.Abs(got-c.sigma) > 0.2*c.sigma {
			t.Errorf("noise %v as %d: σ = %v, want about %v", c.noise, c.as, got, c.sigma)
		}
	}
}

func TestMembersAreDrawnAnew(t *testing.T) {
	s := start(t)
	cfg := config(t, s)
	cfg.Cohort = 5
	r, err := newRun(cfg, s, people(12))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for number := 1; number <= 20; number++ {
		m := r.members(number)
		if len(m) != 5 || !slices.IsSorted(m) || len(slices.Compact(slices.Clone(m))) != 5 {
			t.Fatalf("round %d: members %v", number, m)
		}
		for _, i := range m {
			seen[i] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d people of 12 were in 20 rounds of 5", len(seen))
	}
}

// TestDivergenceKeepsTheLastGoodModel lets a rate that is far too high run away.
func TestDivergenceKeepsTheLastGoodModel(t *testing.T) {
	s := start(t)
	cfg := config(t, s)
	cfg.Rounds, cfg.Local.Rate, cfg.Local.RateDense, cfg.Local.Steps = 50, 100, 100, 60
	cfg.Optimizer.Rate = 1
	var good *model.Snapshot
	cfg.Progress = func(r Round) error { good = r.Model; return nil }
	out, err := Run(cfg, s, people(12))
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "round ") || !strings.Contains(err.Error(), "tensor ") {
		t.Fatalf("error %v, want one that says it diverged, in which round and which tensor", err)
	}
	if good != nil && out.Model != good || out.Model == nil {
		t.Error("the result does not hold the last good model")
	}
	for _, v := range out.Model.Params {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatal("the last good model holds a value that is no number")
		}
	}
}

// untrained is an engine that changes nothing.
type untrained struct{}

func (untrained) Update(dst []float32, _ []model.Example, _ model.Local, _ *rand.Rand) (float64, error) {
	clear(dst)
	return 0, nil
}

func TestAnotherEngineTrains(t *testing.T) {
	s := start(t)
	cfg := config(t, s)
	cfg.Rounds = 3
	asked := 0
	cfg.Engine = func(*model.Snapshot) (model.Trainer, error) { asked++; return untrained{}, nil }
	out, err := Run(cfg, s, people(12))
	if err != nil {
		t.Fatal(err)
	}
	if asked < 3 || !slices.Equal(out.Model.Params, s.Params) {
		t.Errorf("the engine was asked %d times, and the model moved: %v", asked, !slices.Equal(out.Model.Params, s.Params))
	}
	cfg.Engine = func(*model.Snapshot) (model.Trainer, error) { return nil, errors.New("no graph") }
	if _, err := Run(cfg, s, people(12)); err == nil || !strings.Contains(err.Error(), "round 1") || !strings.Contains(err.Error(), "no graph") {
		t.Errorf("an engine that fails: %v", err)
	}
}

func TestWhoHasNothingToLearnFromAddsZeros(t *testing.T) {
	s := start(t)
	cfg := config(t, s)
	cfg.Rounds = 1
	some := append(people(6), nil, []model.Example{{Item: 3}})
	var with, without []int64
	cfg.Progress = func(r Round) error { with = slices.Clone(r.Sum); return nil }
	if _, err := Run(cfg, s, some); err != nil {
		t.Fatal(err)
	}
	cfg.Progress = func(r Round) error { without = slices.Clone(r.Sum); return nil }
	if _, err := Run(cfg, s, some[:6]); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(with, without) {
		t.Error("an empty history changes the sum")
	}
}

func TestRunRefuses(t *testing.T) {
	s := start(t)
	for name, change := range map[string]func(*Config){
		"a cohort above the people": func(c *Config) { c.Cohort = 13 },
		"negative noise":            func(c *Config) { c.Noise = -1 },
		"noise that is no number":   func(c *Config) { c.Noise = math.NaN() },
		"negative rounds":           func(c *Config) { c.Rounds = -1 },
		"no clip":                   func(c *Config) { c.Grid.C = 0 },
		"a sum beyond 32 bits":      func(c *Config) { c.Grid.CInt, c.Grid.XMax = 1<<28, 1<<28 },
		"negative members":          func(c *Config) { c.As = -1 },
		"another family's function": func(c *Config) { c.Local.Name = model.NCFFamily },
	} {
		cfg := config(t, s)
		change(&cfg)
		if _, err := Run(cfg, s, people(12)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Run(config(t, s), s, nil); err == nil {
		t.Error("nobody to learn from: no error")
	}
}

package train

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim/learning"
)

// hits is the share of people whose next title is among the ten best of those that they have not seen.
func hits(t *testing.T, s *model.Snapshot, people [][]model.Example, next []int) float64 {
	t.Helper()
	m, err := model.Open(s.Layout)
	if err != nil {
		t.Fatal(err)
	}
	scores, hit := make([]float32, len(s.Layout.Items)), 0
	for u, h := range people {
		scorer, err := m.Scorer(s.Params, h)
		if err != nil {
			t.Fatal(err)
		}
		scorer.Scores(scores)
		for _, e := range h {
			scores[e.Item] = -1e9
		}
		better := 0
		for _, x := range scores {
			if x > scores[next[u]] {
				better++
			}
		}
		if better < 10 {
			hit++
		}
	}
	return float64(hit) / float64(len(people))
}

// TestARunReachesWhatTheCPUDoes trains on people who like one of eight kinds of titles, here and on the CPU.
func TestARunReachesWhatTheCPUDoes(t *testing.T) {
	tr := open(t)
	const titles, members = 400, 300
	rng := rand.New(rand.NewPCG(1, 1))
	people, next := make([][]model.Example, members), make([]int, members)
	for u := range people {
		kind := u % 8
		h := rng.Perm(titles / 8)[:16]
		for _, i := range h[:15] {
			people[u] = append(people[u], model.Example{Item: i*8 + kind})
		}
		next[u] = h[15]*8 + kind
	}
	c := cohort(t, shape{titles: titles, dim: 16, ages: []float32{0, 4}, local: local(4, 8, 3, 0, 0.3)}, 3)
	cfg := learning.Config{Local: c.Local, Rounds: 30, Cohort: 100, Grid: c.Grid, Seed: 5, Noise: 0.01,
		Optimizer: model.Optimizer{Rate: 0.05, Beta1: 0.9, Beta2: 0.99, Average: 0.5, PerCoordinate: true}}
	cfg.Fallback = func(_ int, err error) { t.Error(err) }
	run := func(b learning.Backend) *learning.Result {
		cfg.Backend = b
		out, err := learning.Run(cfg, c.Model, people)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	there, here := run(nil), run(tr)
	before, want, got := hits(t, c.Model, people, next), hits(t, there.Model, people, next), hits(t, here.Model, people, next)
	if want < before+0.1 || got < want-0.03 || got > want+0.03 {
		t.Errorf("hit rate %.3f at first, %.3f on the CPU, %.3f on the GPU", before, want, got)
	}
	if a, b := there.Rounds[29].Loss, here.Rounds[29].Loss; a-b > 0.02 || b-a > 0.02 {
		t.Errorf("the last loss is %v on the CPU and %v on the GPU", a, b)
	}
	if again := run(tr); !slices.Equal(again.Model.Params, here.Model.Params) {
		t.Error("the same seed gives another model")
	}
}

// TestALostGPULeavesItsRoundToTheCPU lets a kernel end the context while the third round of a run is trained: the model is that of a run whose backend
// fails at that round by itself.
func TestALostGPULeavesItsRoundToTheCPU(t *testing.T) {
	if !gputest.Apart(t) {
		return
	}
	c := cohort(t, shape{titles: 60, dim: 8, members: 30, longest: 20, ages: []float32{0, 4}, local: local(2, 4, 3, 0, 0.3)}, 3)
	run := func(fail func(tr *Trainer) error) []float32 {
		d := gputest.Open(t)
		b := &failing{Trainer: on(t, d), fail: fail}
		cfg := learning.Config{Local: c.Local, Rounds: 4, Grid: c.Grid, Seed: 5, Backend: b,
			Optimizer: model.Optimizer{Rate: 0.05, Beta1: 0.9, Beta2: 0.99, Average: 0.5, PerCoordinate: true}}
		var said []error
		cfg.Fallback = func(round int, err error) {
			if said = append(said, err); round != 3 {
				t.Errorf("round %d: %v", round, err)
			}
		}
		out, err := learning.Run(cfg, c.Model, c.Histories)
		if err != nil || len(said) != 1 {
			t.Fatalf("error %v, the fallback heard %v", err, said)
		}
		if d.Lost() != nil && !errors.Is(said[0], gpu.ErrLost) {
			t.Errorf("the fallback heard %v", said)
		}
		return out.Model.Params
	}
	want := run(func(*Trainer) error { return errors.New("no more") })
	got := run(func(tr *Trainer) error {
		m, err := tr.device.Load(kernels.Probe)
		if err != nil {
			return err
		}
		f, err := m.Function("probe_fault")
		if err != nil {
			return err
		}
		return tr.work.Launch(f, gpu.Dim{}, gpu.Dim{}, 0)
	})
	if !slices.Equal(got, want) {
		t.Error("the models differ")
	}
}

// failing is a trainer to which something happens in its third round.
type failing struct {
	*Trainer
	rounds int
	fail   func(*Trainer) error
}

func (f *failing) Train(total []int32, c learning.Cohort) ([]learning.Part, error) {
	if f.rounds++; f.rounds == 3 {
		if err := f.fail(f.Trainer); err != nil {
			return nil, err
		}
	}
	return f.Trainer.Train(total, c)
}

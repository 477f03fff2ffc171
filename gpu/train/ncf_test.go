package train

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim/learning"
)

// ncfLocal is NCF's local function.
func ncfLocal(steps, cuts, next, negatives uint32, dropout float32) model.Local {
	l := local(steps, cuts, next, negatives, dropout)
	l.Name = model.NCFFamily
	return l
}

// ncfShapes are those of the conformance test: widths beside and at the kernels', whole catalogues and samples, cuts in several passes, vectors
// that do not fit into shared memory together, samples of which most come twice.
func ncfShapes() []shape {
	ages := []float32{0, 20}
	return []shape{
		{titles: 3706, dim: 32, members: 24, longest: 600, ages: ages, local: ncfLocal(4, 8, 5, 250, 0.1)},
		{titles: 3706, dim: 32, members: 6, longest: 2300, ages: model.DefaultAges(), local: ncfLocal(4, 8, 5, 250, 0.1)},
		{titles: 2, dim: 1, members: 3, longest: 2, ages: ages[:1], local: ncfLocal(1, 1, 1, 0, 0)},
		{titles: 2, dim: 2, members: 3, longest: 2, ages: ages, local: ncfLocal(2, 2, 1, 9, 0)},
		{titles: 61, dim: 6, members: 5, longest: 20, ages: ages, local: ncfLocal(3, 8, 2, 0, 0.3)},
		{titles: 257, dim: 17, members: 5, longest: 90, ages: ages[1:], local: ncfLocal(3, 7, 3, 30, 0.3)},
		{titles: 501, dim: 36, members: 5, longest: 50, ages: model.DefaultAges(), local: ncfLocal(2, 9, 5, 100, 0.1)},
		{titles: 1000, dim: 64, members: 5, longest: 100, ages: ages, local: ncfLocal(2, 8, 5, 0, 0.1)},
		{titles: 333, dim: 100, members: 3, longest: 60, ages: ages, local: ncfLocal(3, 5, 5, 40, 0.2)},
		{titles: 200, dim: 127, members: 3, longest: 40, ages: ages, local: ncfLocal(2, 64, 2, 0, 0.2)},
		{titles: 150, dim: 128, members: 3, longest: 40, ages: []float32{0, 1, 2, 4, 8, 16, 32, 1e6}, local: ncfLocal(2, 33, 5, 64, 0.2)},
		{titles: 4000, dim: 24, members: 2, longest: 2000, ages: ages, local: ncfLocal(2, 64, 64, 300, 0.3)},
		{titles: 50, dim: 32, members: 3, longest: 30, ages: ages, local: ncfLocal(2, 8, 5, 4096, 0.5)},
		{titles: 700, dim: 8, members: 3, longest: 50, ages: ages, local: ncfLocal(2, 8, 5, 1, 0)},
	}
}

// TestNCFMembersAreTheCPUs holds updates, losses, norms and sums of NCF against the CPU engine's.
func TestNCFMembersAreTheCPUs(t *testing.T) { membersAreTheCPUs(t, ncfShapes()) }

// ncfSmall is a cohort of NCF whose tensors have the factors given, in the layout's order; the rest is 1.
func ncfSmall(t *testing.T, factors ...float32) learning.Cohort {
	t.Helper()
	c := cohort(t, shape{titles: 90, dim: 12, members: 9, longest: 30, ages: []float32{0, 4}, local: ncfLocal(3, 8, 3, 40, 0.1)}, 11)
	for i, f := range factors {
		c.Model.Layout.Tensors[i].Group = f
	}
	c.Grid.D = c.Local.Words(c.Model.Layout)
	return c
}

// TestNCFBeyondTheBound takes every rounding off again, with tensors that are frozen or weigh more: the sum is the CPU's, bit for bit.
func TestNCFBeyondTheBound(t *testing.T) {
	tr := open(t)
	c := ncfSmall(t, 1, 0, 0.5, 2)
	want := onCPU(t, c)
	j, err := tr.open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer j.free()
	j.whole = 0
	if err := tr.run(j); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(j.sum, want.sum) {
		t.Error("what was taken off has left something in the sum")
	}
}

// TestNCFIsTheSameAgain trains one cohort over and over, between cohorts of the other family.
func TestNCFIsTheSameAgain(t *testing.T) {
	tr := open(t)
	c, other := ncfSmall(t), cohort(t, small([3]float32{}), 2)
	var before []int32
	for range 5 {
		sum := make([]int32, c.Grid.D)
		if _, err := tr.Train(sum, c); err != nil {
			t.Fatal(err)
		}
		if before != nil && !slices.Equal(before, sum) {
			t.Error("the same cohort has another sum")
		}
		before = sum
		if _, err := tr.Train(make([]int32, other.Grid.D), other); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNCFRunningAwayIsTold wants losses that are no numbers to be told with their step.
func TestNCFRunningAwayIsTold(t *testing.T) {
	tr := open(t)
	for name, at := range map[string]string{"a title": "v", "a bias": "b", "a rate": "s", "a weight": "a2"} {
		c := ncfSmall(t)
		place, _, _ := c.Model.Layout.Offset(at)
		c.Model.Params[place+1] = float32(math.NaN())
		parts, err := tr.Train(make([]int32, c.Grid.D), c)
		if err != nil {
			t.Fatal(err)
		}
		if e := parts[0].Err; !errors.Is(e, learning.ErrDiverged) || !strings.Contains(e.Error(), "step 0") {
			t.Errorf("%s that is no number: %v", name, e)
		}
	}
}

// TestNCFInLittleMemory leaves room for few blocks, and then for none.
func TestNCFInLittleMemory(t *testing.T) {
	s := shape{titles: 3000, dim: 32, members: 12, longest: 30, ages: []float32{0, 4}, local: ncfLocal(1, 8, 3, 0, 0.1)}
	c := cohort(t, s, 4)
	want := onCPU(t, c)
	tr := on(t, gputest.OpenIndex(t, 0, gpu.Options{Budget: 24 << 20}))
	sum := make([]int32, c.Grid.D)
	parts, err := tr.Train(sum, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts {
		if !(math.Abs(p.Loss-want.parts[i].Loss) < 1e-4*want.parts[i].Loss) || !(math.Abs(p.Norm-want.parts[i].Norm) < 1e-4*want.parts[i].Norm) {
			t.Errorf("member %d: %+v, want %+v", i, p, want.parts[i])
		}
	}
	s.titles = 60000
	if _, err := tr.Train(make([]int32, 60000*33+5000), cohort(t, s, 5)); !errors.Is(err, gpu.ErrMemory) {
		t.Errorf("60,000 titles in 24 MiB: %v", err)
	}
}

// BenchmarkNCF trains cohorts of MovieLens 1M's shape, draws, uploads, clip, rounding and sum included: 3,706 titles × 32, two channels, eight
// cuts and five targets, 250 negatives, histories of 165 titles in the mean; four steps, and one. Baselines of the same run: the CPU engine's updates in
// a second of one core, and the multiplications that an update cannot leave out: for each step and channel
// beyond the first 6 products of cuts × titles × width, for each pair of a cut and a candidate 3 of the MLP's layers. The ceiling is the memory's copy rate, by
// which an update that is written in the first step, read four times and written in each later one, and read twice for the sum, takes 18 passes
// over 0.5 MB in four steps.
func BenchmarkNCF(b *testing.B) {
	b.Run("4 steps", func(b *testing.B) { benchmarkNCF(b, 4) })
	b.Run("1 step", func(b *testing.B) { benchmarkNCF(b, 1) })
}

func benchmarkNCF(b *testing.B, steps uint32) {
	const members, few = 6040, 64
	d := gputest.Open(b)
	t := on(b, d)
	c := cohort(b, shape{titles: 3706, dim: 32, ages: []float32{0, 20}, local: ncfLocal(steps, 8, 5, 250, 0.1)}, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	for range members {
		const mean, spread = 165, 1.0
		n := int(mean * math.Exp(spread*rng.NormFloat64()-spread*spread/2))
		c.Histories = append(c.Histories, history(rng, 3706, min(max(n, 19), 2300)))
	}
	sum := make([]int32, c.Grid.D)
	train := func() {
		if _, err := t.Train(sum, c); err != nil {
			b.Fatal(err)
		}
	}
	train()
	var took, used time.Duration
	for b.Loop() {
		at, before := time.Now(), cpu(b)
		train()
		took, used = took+time.Since(at), used+cpu(b)-before
	}
	b.StopTimer()
	some := c
	some.Histories = c.Histories[:few]
	before := cpu(b)
	onCPU(b, some)
	one := (cpu(b) - before).Seconds() / few
	rate := float64(members*b.N) / took.Seconds()
	b.ReportMetric(rate, "updates/s")
	b.ReportMetric(rate*one, "x-of-a-CPU-core")
	b.ReportMetric(1/one, "CPU-updates/cpu-s")
	b.ReportMetric(used.Seconds()/took.Seconds(), "cores-busy")
	const d32, pairs, titles, cuts = 32, 8 * (250 + 8*5), 3706, 8
	work := float64(steps) * (6*cuts*titles*d32 + pairs*3*(d32*d32/2))
	b.ReportMetric(rate*2*work/1e12, "TFLOP/s")
	passes := float64(5*steps - 2)
	b.ReportMetric(rate*passes*4*float64(c.Model.Layout.Size())/gputest.CopyRate(b, d), "x-of-copy-rate")
}

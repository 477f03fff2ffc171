package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/sim/learning"
)

func open(t testing.TB) *Trainer {
	t.Helper()
	return on(t, gputest.Open(t))
}

func on(t testing.TB, d *gpu.Device) *Trainer {
	t.Helper()
	tr, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil && d.Lost() == nil {
			t.Error(err)
		}
	})
	return tr
}

// onGPU trains a cohort of one chunk, over memory that was full of NaN, and fetches the updates, scaled by their groups.
func onGPU(t *testing.T, tr *Trainer, c learning.Cohort) (*job, [][]float32) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	j, err := tr.open(c)
	must(err)
	defer j.free()
	l, err := tr.families[c.Model.Layout.Family].open(j)
	must(err)
	spans, err := j.spans()
	must(err)
	if len(spans) != 1 {
		t.Fatalf("%d chunks", len(spans))
	}
	for _, b := range j.buffers {
		if b != j.params && b != j.decay && b != j.norm && b != j.runsOnDevice && b != j.total {
			must(tr.work.Fill(b, 0, b.Len(), 0xff))
		}
	}
	s, err := tr.slot(0, j, spans)
	must(err)
	s.chunk.begin(j, spans[0])
	must(tr.draw(j, &s.chunk))
	must(tr.send(j, s, l))
	must(tr.collect(j, s))
	flat := make([]float32, len(c.Histories)*j.stride)
	must(tr.work.Download(gpu.Bytes(flat), j.updates, 0))
	sum := make([]int32, j.words)
	must(tr.work.Download(gpu.Bytes(sum), j.total, 0))
	j.add(sum)
	var updates [][]float32
	for i := range c.Histories {
		u := flat[slices.Index(s.chunk.who, i)*j.stride:][:j.size]
		at := 0
		for _, tensor := range c.Model.Layout.Tensors {
			for k := range tensor.Size() {
				u[at+k] *= tensor.Group
			}
			at += tensor.Size()
		}
		updates = append(updates, u)
	}
	return j, updates
}

// shapes are those of the conformance test: sizes that are multiples of nothing, one of everything, and much of each.
func shapes() []shape {
	ages := []float32{0, 4, 20}
	return []shape{
		{titles: 3706, dim: 32, members: 24, longest: 600, ages: ages, local: local(4, 8, 5, 0, 0.3)},
		{titles: 2, dim: 1, members: 3, longest: 2, ages: ages[:1], local: local(1, 1, 1, 0, 0)},
		{titles: 3, dim: 5, members: 3, longest: 3, ages: ages[1:2], local: local(3, 2, 64, 0, 0.5)},
		{titles: 257, dim: 17, members: 9, longest: 90, ages: ages, local: local(3, 7, 3, 0, 0.3)},
		{titles: 1000, dim: 64, members: 7, longest: 100, ages: ages, local: local(2, 8, 5, 0, 0.1)},
		{titles: 501, dim: 36, members: 5, longest: 50, ages: ages[:2], local: local(2, 9, 5, 0, 0.1)},
		{titles: 333, dim: 100, members: 5, longest: 60, ages: ages, local: local(3, 5, 5, 0, 0.2)},
		{titles: 200, dim: 127, members: 3, longest: 40, ages: ages, local: local(2, 64, 2, 0, 0.2)},
		{titles: 4000, dim: 24, members: 3, longest: 2000, ages: []float32{0, 1, 2, 4, 8, 16, 32, 1e6}, local: local(2, 64, 64, 0, 0.3)},
		{titles: 900, dim: 32, members: 5, longest: 120, ages: ages, local: local(4, 20, 5, 0, 0.3)},
		{titles: 3706, dim: 32, members: 9, longest: 300, ages: ages, local: local(4, 8, 5, 250, 0.3)},
		{titles: 20, dim: 7, members: 5, longest: 15, ages: ages, local: local(3, 13, 4, 100, 0.3)},
		{titles: 700, dim: 50, members: 3, longest: 50, ages: ages, local: local(2, 8, 5, 1, 0)},
		{titles: 400, dim: 90, members: 3, longest: 50, ages: ages, local: local(2, 33, 5, 4096, 0.5)},
		{titles: 300, dim: 16, members: 5, longest: 50, ages: ages, local: local(2, 8, 5, 0, 0.3), groups: [3]float32{0.25, 4, 1}},
		{titles: 300, dim: 16, members: 5, longest: 50, ages: ages, local: local(2, 8, 5, 0, 0.3), groups: [3]float32{1, 0, 2}},
		{titles: 300, dim: 15, members: 5, longest: 50, ages: ages, local: local(2, 8, 5, 30, 0.3), groups: [3]float32{0, 1, 1}},
	}
}

// distance is the L2 norm of a − b.
func distance(a, b []float32) float64 {
	var sum float64
	for i, x := range a {
		sum += (float64(x) - float64(b[i])) * (float64(x) - float64(b[i]))
	}
	return math.Sqrt(sum)
}

func norm(a []float32) float64 { return distance(a, make([]float32, len(a))) }

// TestMembersAreTheCPUs holds updates, losses and norms against the CPU engine's on the same draws, and the sum against its integers: a word
// of a member is another only where the two lie on different sides of a rounding's threshold, with the chance of their distance in grid
// units. Of so many independent words at most six standard deviations more than the mean may differ.
func TestMembersAreTheCPUs(t *testing.T) { membersAreTheCPUs(t, shapes()) }

func membersAreTheCPUs(t *testing.T, shapes []shape) {
	t.Helper()
	tr := open(t)
	for i, s := range shapes {
		c := cohort(t, s, uint64(i)+1)
		want := onCPU(t, c)
		j, updates := onGPU(t, tr, c)
		worst, apart := 0.0, 0.0
		for m, u := range updates {
			p, q := j.parts[m], want.parts[m]
			if p.Err != nil || q.Err != nil {
				t.Fatalf("%v: member %d: %v here, %v on the CPU", s, m, p.Err, q.Err)
			}
			off := distance(u, want.updates[m]) / norm(want.updates[m])
			if worst = max(worst, off); !(off < 1e-4) {
				t.Errorf("%v: member %d's update is %.2g of its norm away", s, m, off)
			}
			if !(math.Abs(p.Loss-q.Loss) < 1e-4*max(1, q.Loss)) || !(math.Abs(p.Norm-q.Norm) < 1e-4*q.Norm) || p.Clipped != q.Clipped {
				t.Errorf("%v: member %d: %+v, want %+v", s, m, p, q)
			}
			for k, x := range u {
				apart += math.Abs(float64(x)-float64(want.updates[m][k])) * min(1, float64(c.Grid.C)/q.Norm) * c.Grid.Scale()
			}
			// A clip by a factor that is 2^−23 another moves every word by that much of itself.
			apart += float64(len(u)) * 0x1p-22 * float64(c.Grid.CInt) / math.Sqrt(float64(len(u)))
		}
		differ := 0.0
		for k, x := range j.sum {
			differ += math.Abs(float64(x) - float64(want.sum[k]))
		}
		if differ > apart+6*math.Sqrt(apart)+6 {
			t.Errorf("%v: the sums are %v apart in all words, %.1f is explained", s, differ, apart)
		}
		t.Logf("%v: farthest update %.2g, sums differ by %v, %.1f expected at most", s, worst, differ, apart)
	}
}

// TestCohortsInChunks trains more members than a chunk has, twice.
func TestCohortsInChunks(t *testing.T) {
	tr := open(t)
	n := tr.device.Info().Processors*(2+2*wavesAChunk) + 5
	c := cohort(t, shape{titles: 60, dim: 8, members: n, longest: 30, ages: []float32{0, 4}, local: local(2, 8, 3, 0, 0.3)}, 5)
	c.Grid.CInt, c.Grid.XMax = 300, 300
	want := onCPU(t, c)
	var before []int32
	for range 3 {
		sum := make([]int32, c.Grid.D)
		parts, err := tr.Train(sum, c)
		if err != nil {
			t.Fatal(err)
		}
		var loss, off float64
		for i, p := range parts {
			loss += math.Abs(p.Loss-want.parts[i].Loss) / float64(n)
		}
		for k, x := range sum {
			off += math.Abs(float64(x)-float64(want.sum[k])) / float64(len(sum)*n)
		}
		if !(loss < 1e-4) || off > 1e-3 {
			t.Errorf("losses are %v away, words %v a member", loss, off)
		}
		if before != nil && !slices.Equal(before, sum) {
			t.Error("the same cohort has another sum")
		}
		before = sum
	}
}

// TestBeyondTheBound lets every rounding count as beyond its bound: it is taken off the sum, and the CPU does its member. The sum is the
// CPU's, bit for bit.
func TestBeyondTheBound(t *testing.T) {
	tr := open(t)
	c := cohort(t, shape{titles: 500, dim: 9, members: 40, longest: 30, ages: []float32{0, 4}, local: local(2, 8, 3, 0, 0.3), groups: [3]float32{1, 2, 1}}, 6)
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

// TestATallGrid has integers beyond 15 bits.
func TestATallGrid(t *testing.T) {
	tr := open(t)
	c := cohort(t, shape{titles: 50, dim: 4, members: 8, longest: 20, ages: []float32{0}, local: local(2, 4, 3, 0, 0.3)}, 7)
	c.Grid.CInt, c.Grid.XMax = 1<<22, 1<<22
	want := onCPU(t, c)
	sum := make([]int32, c.Grid.D)
	if _, err := tr.Train(sum, c); err != nil {
		t.Fatal(err)
	}
	var off, size float64
	for k, x := range sum {
		off += math.Abs(float64(x) - float64(want.sum[k]))
		size += math.Abs(float64(want.sum[k]))
	}
	if !(off < 1e-4*size) {
		t.Errorf("sums are %v of %v apart", off, size)
	}
}

// TestRunningAwayIsTold wants losses that are no numbers to be told with member and step, as on the CPU.
func TestRunningAwayIsTold(t *testing.T) {
	tr := open(t)
	c := cohort(t, shape{titles: 50, dim: 4, members: 3, longest: 20, ages: []float32{0}, local: local(60, 4, 3, 0, 0.3)}, 8)
	c.Local.Rate, c.Local.RateDense = 100, 100
	want := onCPU(t, c)
	parts, err := tr.Train(make([]int32, c.Grid.D), c)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i, p := range parts {
		if (p.Err != nil) != (want.parts[i].Err != nil) {
			t.Errorf("member %d: %v, on the CPU %v", i, p.Err, want.parts[i].Err)
		}
		if p.Err != nil {
			failed++
			if !errors.Is(p.Err, learning.ErrDiverged) || !strings.Contains(p.Err.Error(), "step ") && !strings.Contains(p.Err.Error(), "tensor ") {
				t.Errorf("member %d: %v", i, p.Err)
			}
		}
	}
	if failed == 0 {
		t.Error("nobody ran away")
	}
	c.Model.Params[7] = float32(math.NaN())
	if parts, err = tr.Train(make([]int32, c.Grid.D), c); err != nil || !errors.Is(parts[0].Err, learning.ErrDiverged) || !strings.Contains(parts[0].Err.Error(), "step 0") {
		t.Errorf("a model that is no number: %v, %v", parts, err)
	}
}

func TestTrainRefuses(t *testing.T) {
	tr := open(t)
	s := small([3]float32{})
	for name, c := range map[string]struct {
		change func(*learning.Cohort)
		is     error
	}{
		"a family without kernels": {func(c *learning.Cohort) { c.Model.Layout.Family = model.SequentialFamily }, ErrShape},
		"a rank":                   {func(c *learning.Cohort) { c.Local.Rank = 1; c.Grid.D = c.Local.Words(c.Model.Layout) }, ErrShape},
		"a title there is not":     {func(c *learning.Cohort) { c.Histories[1] = []model.Example{{Item: 1}, {Item: 10}} }, nil},
		"a title twice":            {func(c *learning.Cohort) { c.Histories[1] = []model.Example{{Item: 1}, {Item: 1}} }, nil},
		"parameters too few":       {func(c *learning.Cohort) { c.Model.Params = c.Model.Params[1:] }, nil},
		"more steps than known":    {func(c *learning.Cohort) { c.Local.Steps = 0 }, nil},
	} {
		co := cohort(t, s, 1)
		c.change(&co)
		sum := make([]int32, co.Grid.D)
		if _, err := tr.Train(sum, co); err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
		if slices.ContainsFunc(sum, func(v int32) bool { return v != 0 }) {
			t.Errorf("%s: the sum has changed", name)
		}
	}
	if _, err := tr.Train(make([]int32, 48+10), cohort(t, s, 1)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestTooLittleMemory gives a budget that does not hold one member.
func TestTooLittleMemory(t *testing.T) {
	tr := on(t, gputest.OpenIndex(t, 0, gpu.Options{Budget: 4 << 20}))
	c := cohort(t, shape{titles: 40000, dim: 32, members: 3, longest: 20, ages: []float32{0}, local: local(2, 4, 3, 0, 0.3)}, 8)
	if _, err := tr.Train(make([]int32, c.Grid.D), c); !errors.Is(err, gpu.ErrMemory) {
		t.Errorf("got %v", err)
	}
}

package score

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
)

var families = []string{model.TwoTowerFamily, model.NCFFamily}

// onDevice opens a model in memory that was filled with what is no number.
func onDevice(t testing.TB, d *gpu.Device, s *model.Snapshot) *Model {
	t.Helper()
	m, err := loaded(t, d).open(s, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// loaded has the kernels until the test ends.
func loaded(t testing.TB, d *gpu.Device) *Kernels {
	t.Helper()
	k, err := Load(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// shapes are sizes on and off every edge of a tile, a run, a group and a panel.
var shapes = []struct{ n, d, channels, users, watched int }{
	{2, 1, 1, 1, 1}, {5, 2, 2, 3, 3}, {63, 3, 3, 64, 9}, {64, 4, 1, 65, 20}, {65, 7, 8, 63, 30}, {130, 16, 3, 130, 40}, {200, 31, 2, 70, 60},
	{333, 32, 3, 200, 100}, {500, 33, 4, 90, 120}, {1000, 63, 3, 129, 150}, {777, 64, 3, 200, 80}, {640, 65, 2, 64, 64}, {300, 96, 3, 77, 50},
	{150, 128, 3, 66, 30}, {200, 129, 2, 40, 40}, {100, 200, 3, 20, 20}, {96, 256, 2, 10, 12},
}

// tolerance is what float32 sums of scores of this size may differ by.
func tolerance(scores []float32) float64 {
	most := 1.0
	for _, v := range scores {
		most = max(most, math.Abs(float64(v)))
	}
	return 3e-5 * most
}

func TestScoresAreTheModels(t *testing.T) {
	d := gputest.Open(t)
	for _, family := range families {
		for _, x := range shapes {
			t.Run(fmt.Sprint(family, x), func(t *testing.T) {
				snap := snapshot(t, family, x.n, x.d, ages(x.channels), 1)
				m, cpu := onDevice(t, d, snap), scorer(t, snap)
				histories := people(x.n, x.users, min(x.watched, x.n-1), 1, 2).Train.Histories
				got := make([][]float32, len(histories))
				for i := range got {
					got[i] = make([]float32, x.n)
				}
				if err := m.Batch(histories, got); err != nil {
					t.Fatal(err)
				}
				want := make([]float32, x.n)
				for i, h := range histories {
					if err := cpu.Scores(i, h, want); err != nil {
						t.Fatal(err)
					}
					bound := tolerance(want)
					for k, v := range want {
						if !(math.Abs(float64(v-got[i][k])) <= bound) {
							t.Fatalf("person %d with %d titles, title %d: %v, want %v", i, len(h), k, got[i][k], v)
						}
					}
				}
			})
		}
	}
}

// TestPlacesAreThoseOfTheScores judges by the device's places and by its written scores, which are one chain of roundings: all is equal,
// with ties and with what is not a number.
func TestPlacesAreThoseOfTheScores(t *testing.T) {
	d := gputest.Open(t)
	for _, family := range families {
		for _, x := range shapes {
			for _, spoiled := range []bool{false, true} {
				t.Run(fmt.Sprint(family, x, spoiled), func(t *testing.T) {
					snap := snapshot(t, family, x.n, x.d, ages(x.channels), 1)
					if spoiled {
						spoil(snap)
					}
					j := judge(t, people(x.n, x.users, min(x.watched, x.n-2), 99, 2))
					m := onDevice(t, d, snap)
					want, err := j.Measure(m)
					if err != nil {
						t.Fatal(err)
					}
					got, err := j.MeasureWith(m)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, got, cmp.AllowUnexported(evaluate.Result{})); diff != "" {
						t.Error(diff)
					}
				})
			}
		}
	}
}

// spoil gives half of the titles the vectors and biases of others, and some a bias that is infinite or not a number.
func spoil(s *model.Snapshot) {
	n, d := len(s.Layout.Items), s.Layout.Dim
	v, _, _ := s.Layout.Offset("v")
	b, _, _ := s.Layout.Offset("b")
	for i := range n / 2 {
		copy(s.Params[v+(n-1-i)*d:v+(n-i)*d], s.Params[v+i*d:v+(i+1)*d])
		s.Params[b+n-1-i] = s.Params[b+i]
	}
	if n > 100 && s.Layout.Family == model.TwoTowerFamily {
		s.Params[b+7], s.Params[b+50], s.Params[b+90] = float32(math.Inf(-1)), float32(math.NaN()), float32(math.Inf(1))
	}
}

// TestJudgesAsTheCPU holds places against the CPU's scores: a title may stand elsewhere only where the scores are as near as rounding.
func TestJudgesAsTheCPU(t *testing.T) {
	d := gputest.Open(t)
	for _, family := range families {
		for _, x := range shapes {
			t.Run(fmt.Sprint(family, x), func(t *testing.T) {
				snap := snapshot(t, family, x.n, x.d, ages(x.channels), 3)
				s := people(x.n, x.users, min(x.watched, x.n-2), 99, 4)
				questions := asked(s)
				places, err := onDevice(t, d, snap).Rank(questions)
				if err != nil {
					t.Fatal(err)
				}
				cpu, scores := scorer(t, snap), make([]float32, x.n)
				for i, q := range questions {
					if err := cpu.Scores(q.User, q.History, scores); err != nil {
						t.Fatal(err)
					}
					holdPlace(t, q, places[i], scores)
				}
			})
		}
	}
}

// asked are a split's cases, with the uniform negatives for matched ones in another order.
func asked(s *split.Split) []evaluate.Question {
	var out []evaluate.Question
	for _, c := range s.Cases {
		q := evaluate.Question{User: c.User, History: s.Train.Histories[c.User], Held: c.Item, Uniform: c.Negatives}
		for i := range c.Negatives {
			if i%3 > 0 {
				q.Matched = append(q.Matched, c.Negatives[len(c.Negatives)-1-i])
			}
		}
		out = append(out, q)
	}
	return out
}

func holdPlace(t *testing.T, q evaluate.Question, p evaluate.Place, scores []float32) {
	t.Helper()
	bound := 2 * tolerance(scores)
	watched := map[int]bool{}
	for _, item := range q.History {
		watched[item] = true
	}
	var rest []int
	for i := range scores {
		if i != q.Held && !watched[i] {
			rest = append(rest, i)
		}
	}
	for _, f := range []struct {
		name  string
		got   int
		items []int
	}{{"uniform", p.Uniform, q.Uniform}, {"matched", p.Matched, q.Matched}, {"full", p.Full, rest}} {
		least, most := 0, 0
		for _, i := range f.items {
			if gap := float64(scores[i]) - float64(scores[q.Held]); gap > bound {
				least++
				most++
			} else if gap >= -bound {
				most++
			}
		}
		if f.got < least || f.got > most {
			t.Fatalf("user %d: %d titles stand before the held-out one (%s), want %d to %d", q.User, f.got, f.name, least, most)
		}
	}
	rest = append(rest, q.Held)
	if len(p.List) != min(evaluate.ListLength, len(rest)) || p.NotNumber {
		t.Fatalf("user %d: a list of %d titles out of %d", q.User, len(p.List), len(rest))
	}
	listed := map[int]bool{}
	for at, item := range p.List {
		if watched[item] || listed[item] || at > 0 && float64(scores[item])-float64(scores[p.List[at-1]]) > bound {
			t.Fatalf("user %d: title %d at place %d of %v", q.User, item, at, p.List)
		}
		listed[item] = true
	}
	for _, i := range rest {
		if !listed[i] && float64(scores[i])-float64(scores[p.List[len(p.List)-1]]) > bound {
			t.Fatalf("user %d: title %d (%v) is missing in %v", q.User, i, scores[i], p.List)
		}
	}
}

// TestMovieLensSized judges 6,040 people on 3,706 titles and wants hit rates of the CPU's to a thousandth.
func TestMovieLensSized(t *testing.T) {
	if testing.Short() {
		t.Skip("long under compute-sanitizer")
	}
	d := gputest.Open(t)
	k, j := loaded(t, d), judge(t, people(3706, 6040, 330, 99, 5))
	for _, family := range families {
		snap := snapshot(t, family, 3706, 32, ages(3), 6)
		want, err := j.Measure(scorer(t, snap))
		if err != nil {
			t.Fatal(err)
		}
		bench := evaluate.Bench{Open: k.Open, Told: func(err error) { t.Error(err) }}
		got, err := bench.Measure(j, snap)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct {
			name      string
			got, want float64
		}{
			{"hr10", got.Uniform.HR10.Mean, want.Uniform.HR10.Mean}, {"ndcg10", got.Uniform.NDCG10.Mean, want.Uniform.NDCG10.Mean},
			{"matched hr10", got.Matched.HR10.Mean, want.Matched.HR10.Mean}, {"full hr10", got.Full.HR10.Mean, want.Full.HR10.Mean},
			{"full mrr", got.Full.MRR.Mean, want.Full.MRR.Mean}, {"coverage", got.Lists.Coverage, want.Lists.Coverage},
		} {
			if math.Abs(f.got-f.want) > 1e-3 {
				t.Errorf("%s: %s %v, the CPU's is %v", family, f.name, f.got, f.want)
			}
		}
	}
}

// TestPieces wants the same places however many people fit at once.
func TestPieces(t *testing.T) {
	snap := snapshot(t, model.NCFFamily, 700, 20, ages(3), 1)
	questions := asked(people(700, 500, 50, 60, 2))
	var want []evaluate.Place
	for _, budget := range []int64{0, 1 << 20} {
		m := onDevice(t, gputest.OpenIndex(t, 0, gpu.Options{Budget: budget}), snap)
		got, err := m.Rank(questions)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		} else if m.most >= 500 {
			t.Errorf("a budget of %d bytes held %d people at once: the test does not test", budget, m.most)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTooLittleMemory opens where nothing fits, and wants the CPU to measure.
func TestTooLittleMemory(t *testing.T) {
	d := gputest.OpenIndex(t, 0, gpu.Options{Budget: 64 << 10})
	snap := snapshot(t, model.TwoTowerFamily, 1000, 32, ages(3), 1)
	wantTheCPU(t, loaded(t, d), snap, gpu.ErrMemory)
}

// TestALostGPU kills the context by a fault, and wants the CPU to measure. A fault takes CUDA in its process with it, so that it is done in
// another one.
func TestALostGPU(t *testing.T) {
	if !gputest.Apart(t) {
		return
	}
	d := gputest.Open(t)
	s := gputest.Stream(t, d)
	snap := snapshot(t, model.NCFFamily, 300, 16, ages(2), 1)
	k := loaded(t, d)
	m, err := k.New(snap)
	if err != nil {
		t.Fatal(err)
	}
	probe, err := d.Load(kernels.Probe)
	if err != nil {
		t.Fatal(err)
	}
	fault, err := probe.Function("probe_fault")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Launch(fault, gpu.Dim{}, gpu.Dim{}, 0), s.Wait()); !errors.Is(err, gpu.ErrLost) {
		t.Fatalf("the fault gave %v", err)
	}
	if _, err := m.Rank(asked(people(300, 3, 3, 3, 1))); !errors.Is(err, gpu.ErrLost) {
		t.Errorf("ranked on a lost device: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	wantTheCPU(t, k, snap, gpu.ErrLost)
}

func wantTheCPU(t *testing.T, k *Kernels, snap *model.Snapshot, why error) {
	t.Helper()
	j := judge(t, people(len(snap.Layout.Items), 20, 30, 9, 3))
	want, err := j.Measure(scorer(t, snap))
	if err != nil {
		t.Fatal(err)
	}
	var told []error
	bench := evaluate.Bench{Open: k.Open, Told: func(err error) { told = append(told, err) }}
	got, err := bench.Measure(j, snap)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(evaluate.Result{})); diff != "" {
		t.Error(diff)
	}
	if len(told) != 1 || !errors.Is(told[0], why) || !strings.HasPrefix(told[0].Error(), "the CPU measures instead: ") {
		t.Errorf("told %v, want %v", told, why)
	}
}

func TestRefuses(t *testing.T) {
	m := onDevice(t, gputest.Open(t), snapshot(t, model.TwoTowerFamily, 10, 4, ages(1), 1))
	for _, q := range []evaluate.Question{{Held: 10}, {Held: -1}, {History: []int{1, 10}}, {Uniform: []int{10}}, {Matched: []int{-1}}} {
		if _, err := m.Rank([]evaluate.Question{q}); err == nil || !strings.Contains(err.Error(), "outside the model, 0 to 9") {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if err := m.Scores(0, []int{10}, make([]float32, 10)); err == nil {
		t.Error("a title that is not there was taken")
	}
	if err := m.Scores(0, []int{1}, make([]float32, 9)); err == nil || !strings.Contains(err.Error(), "the model has 10 titles") {
		t.Errorf("a short row: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Rank([]evaluate.Question{{}}); !errors.Is(err, errClosed) {
		t.Errorf("a closed model ranked: %v", err)
	}
}

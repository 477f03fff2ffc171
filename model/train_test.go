package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrainIsDeterministicAndLeavesTheModelAlone(t *testing.T) {
	for _, family := range families {
		s := disturbed(t, family, 30, 4, 1)
		before := slices.Clone(s.Params)
		m := mustOpen(t, s.Layout)
		train := func(seed uint64) []float32 {
			update, loss, err := Train(m, s.Params, examples(4, 9, 1, 22, 13, 7), mustLocal(t, family), rand.New(rand.NewPCG(seed, 2)))
			if err != nil {
				t.Fatal(err)
			}
			if len(update) != s.Layout.Size() || finite(update) >= 0 || !(loss > 0) {
				t.Fatalf("%s: update of %d values, first not finite %d, loss %v", family, len(update), finite(update), loss)
			}
			return update
		}
		a := train(1)
		if !slices.Equal(a, train(1)) {
			t.Errorf("%s: one seed gives two updates", family)
		}
		if slices.Equal(a, train(2)) {
			t.Errorf("%s: two seeds give one update", family)
		}
		if !slices.Equal(before, s.Params) {
			t.Errorf("%s: training changed the model it was given", family)
		}
	}
}

// TestTrainLowersTheLoss steps a few times on one person and wants the newest titles to be better explained.
func TestTrainLowersTheLoss(t *testing.T) {
	for _, family := range families {
		s := start(t, family, 30, 4)
		m := mustOpen(t, s.Layout)
		l := mustLocal(t, family)
		l.Steps = 30
		history := examples(4, 9, 1, 22, 13, 7)
		rng := rand.New(rand.NewPCG(1, 2))
		_, long, err := Train(m, s.Params, history, l, rng)
		if err != nil {
			t.Fatal(err)
		}
		l.Steps, l.Cuts = 1, 30
		_, first, err := Train(m, s.Params, history, l, rng)
		if err != nil {
			t.Fatal(err)
		}
		if long > 0.8*first {
			t.Errorf("%s: loss %.3f after 30 steps, %.3f at first", family, long, first)
		}
	}
}

// TestSampleStandsForTheCatalogue draws a sample far larger than the catalogue: its loss and update must be near those of the whole softmax.
func TestSampleStandsForTheCatalogue(t *testing.T) {
	for _, family := range families {
		s := disturbed(t, family, 40, 4, 6)
		m, l := mustOpen(t, s.Layout), mustLocal(t, family)
		l.Steps = 1
		run := func(negatives uint32) ([]float32, float64) {
			l.Negatives = negatives
			update, loss, err := Train(m, s.Params, examples(4, 9, 1, 22, 13, 7), l, rand.New(rand.NewPCG(2, 2)))
			if err != nil {
				t.Fatal(err)
			}
			return update, loss
		}
		whole, want := run(0)
		sampled, got := run(4000)
		var off, size float64
		for i, v := range whole {
			off += float64(v-sampled[i]) * float64(v-sampled[i])
			size += float64(v) * float64(v)
		}
		if math.Abs(got-want) > 0.02*want || off > 0.1*0.1*size {
			t.Errorf("%s: a sample gives loss %.4f and an update %.3f away, the catalogue %.4f and %.3f", family, got, math.Sqrt(off), want, math.Sqrt(size))
		}
	}
}

// TestTrainersKeepTheirMemory wants no allocation once the buffers have grown.
func TestTrainersKeepTheirMemory(t *testing.T) {
	for _, family := range families {
		for _, negatives := range []uint32{0, 50} {
			s := start(t, family, 60, 4)
			l := mustLocal(t, family)
			l.Steps, l.Negatives = 2, negatives
			trainer, dst, history := mustOpen(t, s.Layout).Trainer(s.Params), make([]float32, s.Layout.Size()), examples(4, 9, 1, 22, 13, 7)
			rng := rand.New(rand.NewPCG(1, 2))
			update := func() {
				if _, err := trainer.Update(dst, history, l, rng); err != nil {
					t.Fatal(err)
				}
			}
			for range 50 { // cuts of all lengths
				update()
			}
			if n := testing.AllocsPerRun(20, update); n > 0 {
				t.Errorf("%s, %d negatives: %v allocations an update", family, negatives, n)
			}
		}
	}
}

// everyModel is a disturbed model of each family, heads included.
func everyModel(t *testing.T) []*Snapshot {
	var out []*Snapshot
	for _, family := range families {
		out = append(out, disturbed(t, family, 30, 4, 3))
	}
	for _, family := range headFamilies {
		out = append(out, startedHead(t, family, 30, 4))
	}
	return out
}

// TestStepsFollowOneAnother wants two steps to be one, and one more from where that led: in a trainer that is used again, whose update is
// written over another.
func TestStepsFollowOneAnother(t *testing.T) {
	history := examples(4, 9, 1, 22, 13, 7)
	for _, s := range everyModel(t) {
		for _, negatives := range []uint32{0, 20} {
			m, l, seeded := mustOpen(t, s.Layout), mustLocal(t, s.Layout.Family), func() *rand.Rand { return rand.New(rand.NewPCG(6, 6)) }
			l.Negatives = negatives
			update := func(trainer Trainer, steps uint32, rng *rand.Rand) []float32 {
				l.Steps = steps
				dst := make([]float32, len(s.Params))
				for i := range dst {
					dst[i] = 99 // of before
				}
				if _, err := trainer.Update(dst, history, l, rng); err != nil {
					t.Fatal(err)
				}
				return dst
			}
			once, rng := m.Trainer(s.Params), seeded()
			update(once, 2, rand.New(rand.NewPCG(7, 7))) // fills its memory
			want := update(once, 1, rng)
			there := slices.Clone(s.Params)
			for i, v := range want {
				there[i] += v
			}
			for i, v := range update(m.Trainer(there), 1, rng) {
				want[i] += v
			}
			for i, v := range update(once, 2, seeded()) {
				if math.Abs(float64(v-want[i])) > 1e-4 {
					t.Fatalf("%s, %d negatives: coordinate %d of two steps at once is %v, one after the other it is %v", s.Layout.Family, negatives, i, v, want[i])
				}
			}
		}
	}
}

// TestTrainingIsBounded: what a round asks of a device's memory is held against a limit before memory is taken.
func TestTrainingIsBounded(t *testing.T) {
	large := Layout{Dim: 1, Ages: make([]float32, maxAges), Items: make([]string, MaxItems)}
	for _, c := range []struct {
		family string
		cuts   uint32
		fits   bool
	}{{TwoTowerFamily, maxCuts, true}, {SequentialFamily, maxCuts, true}, {NCFFamily, 8, true}, {NCFFamily, maxCuts, false}} {
		large.Family = c.family
		if err := checkScores(large, Local{Cuts: c.cuts}); (err == nil) != c.fits {
			t.Errorf("%s, %d cuts: %v", c.family, c.cuts, err)
		}
	}
}

// TestUpdatesCarryTheClipGroups wants coordinate i of an update to be (local - global) times its tensor's factor.
func TestUpdatesCarryTheClipGroups(t *testing.T) {
	for _, family := range families {
		l := start(t, family, 12, 3).Layout
		l.Tensors = slices.Clone(l.Tensors)
		for i := range l.Tensors {
			l.Tensors[i].Group = float32(i + 1)
		}
		got := make([]float32, l.Size())
		for i := range got {
			got[i] = 2
		}
		l.scale(got)
		at := 0
		for i, tensor := range l.Tensors {
			for _, v := range got[at : at+tensor.Size()] {
				if v != 2*float32(i+1) {
					t.Fatalf("%s: %s holds %v, want %v", family, tensor.Name, v, 2*(i+1))
				}
			}
			at += tensor.Size()
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	for _, family := range families {
		s := start(t, family, 12, 3)
		m := mustOpen(t, s.Layout)
		l := mustLocal(t, family)
		other := mustLocal(t, families[0])
		if family == families[0] {
			other = mustLocal(t, families[1])
		}
		big := l
		big.Steps = 0
		rng := rand.New(rand.NewPCG(1, 1))
		for name, run := range map[string]func() error{
			"one title":            func() error { _, _, err := Train(m, s.Params, examples(3), l, rng); return err },
			"no titles":            func() error { _, _, err := Train(m, s.Params, nil, l, rng); return err },
			"too few parameters":   func() error { _, _, err := Train(m, s.Params[1:], examples(3, 4), l, rng); return err },
			"another family's way": func() error { _, _, err := Train(m, s.Params, examples(3, 4), other, rng); return err },
			"no steps":             func() error { _, _, err := Train(m, s.Params, examples(3, 4), big, rng); return err },
		} {
			if run() == nil {
				t.Errorf("%s: accepted %s", family, name)
			}
		}
	}
}

// TestTheCutHidesTheFuture wants history and targets of a sample to be what came before and what came next.
func TestTheCutHidesTheFuture(t *testing.T) {
	history := examples(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	l := mustLocal(t, TwoTowerFamily)
	rng := rand.New(rand.NewPCG(5, 5))
	short := map[int]bool{}
	l.Cuts = 50
	var cutter Cutter
	var cuts []Cut
	for range 10 {
		for _, c := range cutter.Draw(history, l, rng) {
			cuts = append(cuts, Cut{slices.Clone(c.Past), slices.Clone(c.Next)})
		}
	}
	for _, c := range cuts {
		past, next := c.Past, c.Next
		if len(past) == 0 || len(next) == 0 || len(next) > int(l.Next) {
			t.Fatalf("past %v, next %v", past, next)
		}
		if !slices.IsSorted(past) || !slices.IsSorted(next) || past[len(past)-1] >= next[0] {
			t.Fatalf("past %v is not before next %v", past, next)
		}
		if next[len(next)-1]-next[0] != len(next)-1 {
			t.Fatalf("next %v leaves titles out", next)
		}
		if len(next) < int(l.Next) && next[len(next)-1] != 11 {
			t.Fatalf("next %v is short before the end", next)
		}
		short[next[0]] = true
	}
	if len(short) != 11 {
		t.Errorf("cuts fell on %d places of 11", len(short))
	}
}

func TestContentStart(t *testing.T) {
	rows := features(50, 5, rand.New(rand.NewPCG(8, 8)))
	v, err := ContentStart(rows, 50, 8) // wider than the features
	if err != nil {
		t.Fatal(err)
	}
	var q float64
	for _, x := range v {
		q += float64(x) * float64(x)
	}
	if finite(v) >= 0 || math.Abs(q/50-1) > 1e-3 {
		t.Errorf("mean squared length %v, want 1", q/50)
	}
	again, err := ContentStart(rows, 50, 8)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, again); diff != "" {
		t.Errorf("the same features give another start:\n%s", diff)
	}
	// Equal titles start equal in every column that content explains, and nearer to each other than to an opposite.
	rows[1] = rows[0]
	if v, err = ContentStart(rows, 50, 4); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v[0:4], v[4:8]); diff != "" {
		t.Errorf("two titles with the same features start apart:\n%s", diff)
	}
	for name, bad := range map[string][][]float32{
		"nothing":     nil,
		"no columns":  make([][]float32, 50),
		"uneven rows": append(slices.Clone(rows[:49]), []float32{1}),
		"other count": rows[:49],
	} {
		if _, err := ContentStart(bad, 50, 4); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	rows := features(3, 2, rand.New(rand.NewPCG(8, 8)))
	for name, run := range map[string]func() (*Snapshot, error){
		"unknown family": func() (*Snapshot, error) { return New("oracle", ids(3), rows, 2) },
		"no width":       func() (*Snapshot, error) { return New(TwoTowerFamily, ids(3), rows, 0) },
		"title twice":    func() (*Snapshot, error) { return New(TwoTowerFamily, []string{"a", "a", "b"}, rows, 2) },
		"few features":   func() (*Snapshot, error) { return New(TwoTowerFamily, ids(3), rows[:2], 2) },
	} {
		if _, err := run(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOpenWantsTheFamilysOwnLayout(t *testing.T) {
	for _, family := range families {
		l := start(t, family, 6, 2).Layout
		mustOpen(t, l)
		for name, change := range map[string]func(*Layout){
			"another family": func(l *Layout) { l.Family = "oracle" },
			"another width":  func(l *Layout) { l.Dim = 3 },
			"a title more":   func(l *Layout) { l.Items = append(slices.Clone(l.Items), "x") },
			"a tensor less":  func(l *Layout) { l.Tensors = l.Tensors[1:] },
		} {
			c := l
			change(&c)
			if _, err := Open(c); err == nil {
				t.Errorf("%s: opened %s", family, name)
			}
		}
	}
}

package coordinator_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// popular asks for popularity first, on a grid that fits five titles, at the noise of the task.
func popular(t *coordinator.Task) {
	const cInt = 19 // ⌈8√5⌉+1
	t.Popularity = &coordinator.Popularity{C: 1, CInt: cInt, SigmaTotSq: (cInt*cInt + 3) / 4, Floor: 0.5}
}

// sum adds what the devices gave in a round, noise and all.
func (w *world) sum(round uint64, words int) []int32 {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := make([]uint32, words)
	for _, v := range w.given[round] {
		if len(v) != words {
			w.Fatalf("a device gave %d words in round %d, want %d", len(v), round, words)
		}
		for i := range sum {
			sum[i] += v[i]
		}
	}
	return aggregation.Signed(sum, 32)
}

func (w *world) model(hash [32]byte) *model.Snapshot {
	w.Helper()
	w.disk.mu.Lock()
	b := w.disk.models[fmt.Sprintf("%x.snapshot", hash)]
	w.disk.mu.Unlock()
	s, err := model.Parse(b)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// TestPopularityIsAskedBeforeTraining runs the round before training and one of training, with a crash between them, makes both models
// out of what the devices gave, and lets an auditor look.
func TestPopularityIsAskedBeforeTraining(t *testing.T) {
	bubble(t, terms{task: popular}, func(w *world) {
		for i, d := range w.devices {
			for title := range i + 1 {
				d.titles = append(d.titles, model.Example{Item: title})
			}
		}
		w.mustStart()
		w.join(w.devices...)
		e := w.over(1)
		if e.Outcome != "done" || e.U3 != len(w.devices) {
			t.Fatalf("%+v, want all included", e)
		}
		w.crash()
		w.mustStart()
		if e := w.over(2); e.Outcome != "done" || e.U3 != len(w.devices) {
			t.Fatalf("%+v, want all included", e)
		}
		w.await("done", 0) // rounds is 1: the one before training is not counted

		task := w.cfg.Task
		start, err := model.Parse(w.cfg.Start)
		if err != nil {
			t.Fatal(err)
		}
		opens := w.opens()
		first := w.model(opens[1].ModelIn)
		p := task.Popularity
		n := len(start.Layout.Items)
		counts := aggregation.Grid{C: 1, CInt: p.CInt, XMax: p.CInt, D: n, WordBits: 32}.Mean(w.sum(1, n), 1)
		want, err := model.Histogram{Sum: counts, Floor: 0.5}.Apply(start)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(first.Params, want.Params, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 }) {
			t.Errorf("version 1 is\n%v\nthe devices' answers make\n%v", first.Params, want.Params)
		}
		grid := aggregation.Grid{C: task.C, CInt: task.CInt, XMax: task.CInt, D: len(start.Params), WordBits: 32}
		opt := task.Optimizer
		next, _, err := opt.Apply(first, grid.Mean(w.sum(2, len(start.Params)), len(w.devices)), 0, task.Rounds)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.disk.now().head.Model; got != next.Hash() {
			t.Errorf("the first round of training made model %x, its vectors make %x", got[:4], next.Hash())
		}
		w.asked(opens)
		w.audit()
	})
}

// asked wants each round to answer its own question, under its own terms and charge.
func (w *world) asked(opens []*audit.RoundOpen) {
	w.Helper()
	task := w.cfg.Task
	questions := map[[32]byte]*audit.Question{}
	for _, e := range w.disk.now().entries {
		if rec, err := audit.OpenEntry(w.coord.Cert.IDPK[:], e); err != nil {
			w.Fatal(err)
		} else if q, ok := rec.(*audit.Question); ok {
			questions[audit.LeafHash(e)] = q
		}
	}
	for i, want := range []struct {
		id    string
		code  model.Local
		cInt  uint32
		sigma uint64
	}{{"popularity", model.Popularity(), task.Popularity.CInt, task.Popularity.SigmaTotSq}, {"train", task.Local, task.CInt, task.SigmaTotSq}} {
		o, q := opens[i], questions[opens[i].Question]
		units, err := privacy.Charge(want.cInt, want.sigma)
		if err != nil {
			w.Fatal(err)
		}
		if q == nil || q.ID != want.id || o.CodeHash != want.code.Hash() || o.CInt != want.cInt || o.RhoUnits != uint64(units) || q.D != o.D {
			w.Errorf("round %d answers %+v with %+v, want question %q at %d units", o.Round, q, o, want.id, units)
		}
	}
	if q := questions[opens[0].Question]; q != nil && q.Purpose != coordinator.PopularityPurpose {
		w.Errorf("devices show %q", q.Purpose)
	}
}

// TestPopularityIsAskedAgain loses the first round: training does not begin before the question is answered.
func TestPopularityIsAskedAgain(t *testing.T) {
	bubble(t, terms{task: popular, rounds: 2}, func(w *world) {
		for _, d := range w.devices {
			d.titles = []model.Example{{Item: 1}}
		}
		w.mustStart()
		w.join(w.devices...)
		w.phase(1, "inputs")
		lost := w.devices[:2]
		for _, d := range lost {
			d.vanish()
		}
		if e := w.over(1); e.Outcome != "aborted" {
			t.Fatalf("%+v, and half of the devices were lost", e)
		}
		for _, d := range lost {
			d.gone.Store(false)
		}
		if e := w.over(2); e.Outcome != "done" {
			t.Fatalf("%+v", e)
		}
		if e := w.over(3); e.Outcome != "done" {
			t.Fatalf("%+v", e)
		}
		for i, want := range []model.Local{model.Popularity(), model.Popularity(), w.cfg.Task.Local} {
			if got := w.opens()[i]; got.CodeHash != want.Hash() {
				t.Errorf("round %d runs %x, want %s", got.Round, got.CodeHash[:4], want.Name)
			}
		}
		w.audit()
	})
}

func TestPopularityTermsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*coordinator.Task)
		says   string
	}{
		"negative clip": {func(t *coordinator.Task) { t.Popularity.C = -1 }, "popularity question: task: clip is -1"},
		"coarse grid":   {func(t *coordinator.Task) { t.Popularity.CInt = 2 }, "popularity question"},
		"hardly noise":  {func(t *coordinator.Task) { t.Popularity.SigmaTotSq = 1 }, "popularity question"},
		"in its place":  {func(t *coordinator.Task) { t.Local = model.Popularity() }, "not in its place"},
		"too strong":    {func(t *coordinator.Task) { t.Popularity.Strength = 101 }, "strength 101"},
		"floor below 0": {func(t *coordinator.Task) { t.Popularity.Floor = -1 }, "floor -1"},
	} {
		bubble(t, terms{task: func(t *coordinator.Task) { popular(t); c.change(t) }}, func(w *world) {
			if err := w.start(nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, want %q", name, err, c.says)
			}
		})
	}
}

// TestPopularityHasTheNoiseOfTraining leaves its numbers out: its rounds cost what those of training do, and no more.
func TestPopularityHasTheNoiseOfTraining(t *testing.T) {
	bubble(t, terms{task: func(t *coordinator.Task) { t.Popularity = &coordinator.Popularity{} }}, func(w *world) {
		for _, d := range w.devices {
			d.titles = []model.Example{{Item: 1}}
		}
		w.mustStart()
		w.join(w.devices...)
		w.over(1)
		w.over(2)
		opens := w.opens()
		first, train := opens[0], opens[1]
		if math.Float32frombits(first.C) != 1 || first.CInt != 19 || first.D != 5 {
			t.Errorf("clip %v, C_int %d and d %d, want 1, 19 and 5", math.Float32frombits(first.C), first.CInt, first.D)
		}
		z := func(o *audit.RoundOpen) float64 { return math.Sqrt(float64(o.SigmaTotSq)) / float64(o.CInt) }
		if first.RhoUnits > train.RhoUnits || z(first) < z(train) || z(first) > 1.01*z(train) {
			t.Errorf("z = %v for %d units, training has %v for %d", z(first), first.RhoUnits, z(train), train.RhoUnits)
		}
		w.audit()
	})
}

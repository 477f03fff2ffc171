package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// samples are losses over eleven titles that reach every branch: one and many targets, a short and a long history.
func samples(family string) []Sample {
	if family == NCFFamily {
		return []Sample{
			{Past: []int{3}, Targets: []int{2}, Negatives: []int{0, 5, 7}},
			{Past: []int{6, 0, 9, 1, 10}, Targets: []int{4, 1, 9}, Negatives: []int{3, 3, 4, 8}}, // a negative may come twice, and be a target
			{Past: []int{6, 2, 9, 1}, Targets: []int{4, 7}},
		}
	}
	return []Sample{
		{Past: []int{3}, Targets: []int{5}},
		{Past: []int{0, 4, 2, 9, 1, 7}, Targets: []int{3, 8, 10}},
		{Past: []int{6, 5}, Targets: []int{5, 6}},                                            // what was watched may be a target too
		{Past: []int{6, 0, 9, 1, 10}, Targets: []int{4, 1, 9}, Negatives: []int{3, 3, 4, 8}}, // a negative may come twice, and be a target
	}
}

// TestGradientAgreesWithFiniteDifferences moves each coordinate both ways. The loss is computed in float32, so the step is wide
// and what is compared is the whole gradient.
func TestGradientAgreesWithFiniteDifferences(t *testing.T) {
	const h = 1e-2
	for _, family := range families {
		for i, sample := range samples(family) {
			s := disturbed(t, family, 11, 4, uint64(i))
			loss, grad, err := Gradient(s.Layout, s.Params, sample)
			if err != nil {
				t.Fatal(err)
			}
			if !(loss > 0) {
				t.Errorf("%s, sample %d: loss %v", family, i, loss)
			}
			at := 0
			for _, tensor := range s.Layout.Tensors {
				var off, size float64
				for j := at; j < at+tensor.Size(); j++ {
					d := float64(grad[j]) - slope(t, s, sample, j, h)
					off += d * d
					size += float64(grad[j]) * float64(grad[j])
				}
				at += tensor.Size()
				if off, size = math.Sqrt(off), math.Sqrt(size); off > 1e-3*(1+size) {
					t.Errorf("%s, sample %d, tensor %s: gradient of length %.4g is %.4g away from finite differences", family, i, tensor.Name, size, off)
				}
				if size == 0 {
					t.Errorf("%s, sample %d: tensor %s learns nothing", family, i, tensor.Name)
				}
			}
		}
	}
}

// slope is the derivative of the loss at coordinate j by Richardson's extrapolation of two central differences.
func slope(t *testing.T, s *Snapshot, sample Sample, j int, h float32) float64 {
	t.Helper()
	central := func(h float32) float64 {
		keep := s.Params[j]
		defer func() { s.Params[j] = keep }()
		s.Params[j] = keep + h
		up, _, err := Gradient(s.Layout, s.Params, sample)
		if err != nil {
			t.Fatal(err)
		}
		s.Params[j] = keep - h
		down, _, err := Gradient(s.Layout, s.Params, sample)
		if err != nil {
			t.Fatal(err)
		}
		return (up - down) / (2 * float64(h))
	}
	return (4*central(h/2) - central(h)) / 3
}

func TestGradientRefusesOtherLayouts(t *testing.T) {
	s := start(t, TwoTowerFamily, 5, 2)
	if _, _, err := Gradient(s.Layout, s.Params[1:], Sample{Past: []int{0}, Targets: []int{1}}); err == nil {
		t.Error("accepted too few parameters")
	}
	l := s.Layout
	l.Family = "oracle"
	if _, _, err := Gradient(l, s.Params, Sample{}); err == nil {
		t.Error("accepted an unknown family")
	}
}

func TestPoolingChannelsHaveUnitLength(t *testing.T) {
	for _, n := range []int{1, 2, 7, 400, 20000} {
		for c, w := range Pooling(DefaultAges(), n) {
			if len(w) != n {
				t.Fatalf("%d weights for %d items", len(w), n)
			}
			var q float64
			for j, x := range w {
				q += float64(x) * float64(x)
				if j > 0 && x < w[j-1] {
					t.Fatalf("channel %d of %d: item %d weighs less than the older one", c, n, j)
				}
			}
			if math.Abs(q-1) > 1e-4 {
				t.Errorf("channel %d of %d items has length %v, want 1", c, n, math.Sqrt(q))
			}
		}
	}
	w := Pooling(DefaultAges(), 30)
	for c, age := range []float64{1: 4, 2: 20} {
		if c == 0 {
			if w[0][0] != w[0][29] {
				t.Error("the first channel is not uniform")
			}
			continue
		}
		if got, want := float64(w[c][28]/w[c][29]), math.Exp(-1/age); math.Abs(got-want) > 1e-6 {
			t.Errorf("channel %d: the second newest weighs %v of the newest, want %v", c, got, want)
		}
	}
}

// plainTower is the two-tower's score written out from its formula (design: accuracy 3).
func plainTower(s *Snapshot, history []Example) []float32 {
	l, d := s.Layout, s.Layout.Dim
	v, w, b := l.tensor(s.Params, "v"), l.tensor(s.Params, "w"), l.tensor(s.Params, "b")
	z := make([]float64, d)
	for c, weights := range Pooling(DefaultAges(), len(history)) {
		for j, e := range history {
			for m := range d {
				for k := range d {
					z[k] += float64(weights[j]) * float64(v[e.Item*d+m]) * float64(w[c*d*d+m*d+k])
				}
			}
		}
	}
	out := make([]float32, len(l.Items))
	for i := range out {
		sum := float64(b[i])
		for k := range d {
			sum += z[k] * float64(v[i*d+k])
		}
		out[i] = float32(sum)
	}
	return out
}

func TestTwoTowerScoresAreTheFormula(t *testing.T) {
	s := disturbed(t, TwoTowerFamily, 31, 6, 2)
	history := examples(3, 17, 4, 30, 0)
	scorer, err := mustOpen(t, s.Layout).Scorer(s.Params, history)
	if err != nil {
		t.Fatal(err)
	}
	got, want := make([]float32, 31), plainTower(s, history)
	scorer.Scores(got)
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-4 {
			t.Errorf("title %d scores %v, want %v", i, got[i], want[i])
		}
	}
	user, ok := scorer.(UserScorer)
	if !ok {
		t.Fatal("the two-tower's scorer has no user vector")
	}
	again, err := VectorScorer(s, user.UserVector())
	if err != nil {
		t.Fatal(err)
	}
	folded := make([]float32, 31)
	again.Scores(folded)
	for i := range got {
		if got[i] != folded[i] {
			t.Fatalf("title %d scores %v by history and %v by the user vector", i, got[i], folded[i])
		}
	}
	if _, err := VectorScorer(s, user.UserVector()[1:]); err == nil {
		t.Error("accepted a user vector that is too short")
	}
	if _, err := VectorScorer(start(t, NCFFamily, 5, 2), []float32{1, 2}); err == nil {
		t.Error("NCF has no user vector of its own, and took one")
	}
}

func TestScorersRefuseBadHistories(t *testing.T) {
	for _, family := range families {
		s := start(t, family, 5, 2)
		m := mustOpen(t, s.Layout)
		for _, history := range [][]Example{nil, examples(5), examples(-1)} {
			if _, err := m.Scorer(s.Params, history); err == nil {
				t.Errorf("%s: scored history %v", family, history)
			}
			if _, _, err := Train(m, s.Params, append(history, history...), mustLocal(t, family), rand.New(rand.NewPCG(1, 1))); err == nil {
				t.Errorf("%s: trained on history %v", family, history)
			}
		}
	}
}

func TestScorersAreDeterministic(t *testing.T) {
	for _, family := range families {
		s := disturbed(t, family, 40, 4, 3)
		var first []float32
		for range 2 {
			scorer, err := mustOpen(t, s.Layout).Scorer(s.Params, examples(1, 2, 3))
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, 40)
			scorer.Scores(got)
			if first == nil {
				first = got
			}
			if fmt.Sprint(first) != fmt.Sprint(got) {
				t.Errorf("%s: the same history scores differently", family)
			}
		}
	}
}

// plainNCF is NCF's score written out from its formula (docs/spec/snapshot.md 2).
func plainNCF(s *Snapshot, history []Example) []float32 {
	l, d := s.Layout, s.Layout.Dim
	at := func(name string) []float32 { return l.tensor(s.Params, name) }
	v, b, h := at("v"), at("b"), at("h")
	h1, h2 := hidden(d)
	u := make([]float64, d)
	gmf := func(i int) (sum float64) {
		sum = float64(b[i])
		for k := range u {
			sum += float64(h[k]) * u[k] * float64(v[i*d+k])
		}
		return sum
	}
	for c, weights := range Pooling(l.Ages, len(history)) {
		slope, p := make([]float64, d), make([]float64, len(l.Items))
		var total, mass float64
		for i := range p {
			p[i] = math.Exp(gmf(i))
			total += p[i]
		}
		for j, e := range history {
			mass += float64(weights[j])
			for k := range slope {
				slope[k] += float64(weights[j]) * float64(v[e.Item*d+k])
			}
		}
		for k := range u {
			for i := range p {
				slope[k] -= mass * p[i] / total * float64(v[i*d+k])
			}
			u[k] += float64(at("s")[c*d+k]) * float64(h[k]) * slope[k]
		}
	}
	out := make([]float32, len(l.Items))
	for i := range out {
		sum := gmf(i)
		first := make([]float64, h1)
		for j := range first {
			first[j] = float64(at("c1")[j])
			for k := range u {
				first[j] += float64(at("p")[j*d+k])*u[k] + float64(at("q")[j*d+k])*float64(v[i*d+k])
			}
		}
		for j := range h2 {
			second := float64(at("c2")[j])
			for k, x := range first {
				second += float64(at("a2")[j*h1+k]) * max(0, x)
			}
			sum += float64(at("o")[j]) * max(0, second)
		}
		out[i] = float32(sum)
	}
	return out
}

func TestNCFScoresAreTheFormula(t *testing.T) {
	const items = 300 // more than one block
	s := disturbed(t, NCFFamily, items, 6, 2)
	history := examples(3, 17, 4, 30, 0, 299)
	scorer, err := mustOpen(t, s.Layout).Scorer(s.Params, history)
	if err != nil {
		t.Fatal(err)
	}
	got, want := make([]float32, items), plainNCF(s, history)
	scorer.Scores(got)
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-4 {
			t.Errorf("title %d scores %v, want %v", i, got[i], want[i])
		}
	}
}

// TestOneUniformChannelIgnoresOrder wants models with no recency channel to score a history and its reverse alike, and others not.
func TestOneUniformChannelIgnoresOrder(t *testing.T) {
	for _, family := range families {
		for _, c := range []struct {
			ages []float32
			same bool
		}{{[]float32{0}, true}, {[]float32{0, 0}, true}, {[]float32{0, 3}, false}} {
			s, err := Spec{Family: family, Dim: 4, Ages: c.ages}.New(ids(30), nil)
			if err != nil {
				t.Fatal(err)
			}
			scores := func(items ...int) []float32 {
				scorer, err := mustOpen(t, s.Layout).Scorer(s.Params, examples(items...))
				if err != nil {
					t.Fatal(err)
				}
				out := make([]float32, 30)
				scorer.Scores(out)
				return out
			}
			a, b := scores(5, 8, 2, 20, 11), scores(11, 20, 2, 8, 5)
			var off float64
			for i := range a {
				off = max(off, math.Abs(float64(a[i]-b[i])))
			}
			if (off < 1e-5) != c.same {
				t.Errorf("%s, ages %v: a reversed history moves scores by %v", family, c.ages, off)
			}
		}
	}
}

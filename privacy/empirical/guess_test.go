package empirical

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestDirectionsAreLongAndApart(t *testing.T) {
	const d = 4096
	rng := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float32, d), make([]float32, d)
	for _, norm := range []float64{1, 0.5, 100} {
		Direction(a, norm, rng)
		Direction(b, norm, rng)
		if got := math.Sqrt(Dot(a, a)); got > norm || got < norm*(1-1e-6) {
			t.Errorf("norm %v, want %v and not more", got, norm)
		}
		if cosine := Dot(a, b) / norm / norm; math.Abs(cosine) > 5/math.Sqrt(d) || cosine == 0 {
			t.Errorf("two directions have cosine %v", cosine)
		}
	}
	Direction(a, 1, rand.New(rand.NewPCG(7, 7)))
	Direction(b, 1, rand.New(rand.NewPCG(7, 7)))
	if Dot(a, b) < 1-1e-5 {
		t.Error("one seed gave two directions")
	}
}

func TestCoinsAreFair(t *testing.T) {
	heads := 0
	for _, in := range Coins(10_000, rand.New(rand.NewPCG(3, 4))) {
		if in {
			heads++
		}
	}
	if heads < 4800 || heads > 5200 {
		t.Errorf("%d heads of 10000", heads)
	}
}

func TestGuessesAreTheMostConfident(t *testing.T) {
	scores := []float64{1, -4, 3, -2, 5, 0}
	in := []bool{true, false, false, false, true, false}
	for _, c := range []struct{ rung, correct int }{{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 4}, {6, 5}} {
		got, err := LowerBound(scores, in, []int{c.rung}, 0, 0.05)
		if err != nil || got.Guesses != c.rung || got.Correct != c.correct || got.Canaries != 6 || got.Rungs != 1 {
			t.Errorf("%d guesses: %+v, %v, want %d right", c.rung, got, err, c.correct)
		}
	}
}

func TestCentredHaveMedianZero(t *testing.T) {
	for _, c := range []struct{ scores, want []float64 }{
		{[]float64{7}, []float64{0}},
		{[]float64{5, 1, 2}, []float64{3, -1, 0}},
		{[]float64{5, 1, 2, 3}, []float64{2.5, -1.5, -0.5, 0.5}},
		{nil, nil},
	} {
		got := Centred(c.scores)
		for i := range c.want {
			if len(got) != len(c.want) || got[i] != c.want[i] {
				t.Errorf("%v: %v, want %v", c.scores, got, c.want)
			}
		}
	}
}

func TestLadderIsFixed(t *testing.T) {
	for n, want := range map[int][]int{1: {1}, 3: {1, 3}, 16: {1, 4, 16}, 512: {32, 128, 512}} {
		got := Ladder(n)
		if len(got) != len(want) {
			t.Fatalf("%d: %v, want %v", n, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%d: %v, want %v", n, got, want)
			}
		}
	}
}

// TestBoundPaysForItsRungs: the best of three rungs is not better than that rung alone at the whole significance.
func TestBoundPaysForItsRungs(t *testing.T) {
	const n = 200
	scores, in := make([]float64, n), make([]bool, n)
	for i := range scores {
		in[i] = i%2 == 0
		if scores[i] = -1; in[i] {
			scores[i] = 1
		}
	}
	three, err := LowerBound(scores, in, Ladder(n), 1e-6, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := EpsilonLower(n, n, n, 1e-6, 0.05)
	third, _ := EpsilonLower(n, n, n, 1e-6, 0.05/3)
	if three.Guesses != n || three.Correct != n || three.Epsilon != third || !(three.Epsilon < one) || three.Epsilon < 3 {
		t.Errorf("%+v; alone %v, at a third of the significance %v", three, one, third)
	}
}

// TestBoundHoldsWithRungs plays randomised response, whose ε is exact, many times: the bound passes it in at most one of twenty
// audits, although the best of three rungs is kept. Scores are equal in size, so every rung is a fair sample.
func TestBoundHoldsWithRungs(t *testing.T) {
	const n, runs, eps = 64, 400, 1.0
	rng, wrong, positive := rand.New(rand.NewPCG(5, 6)), 0, 0
	truth := math.Exp(eps) / (1 + math.Exp(eps))
	for range runs {
		in, scores := Coins(n, rng), make([]float64, n)
		for i := range scores {
			if scores[i] = -1; in[i] == (rng.Float64() < truth) {
				scores[i] = 1
			}
		}
		b, err := LowerBound(scores, in, Ladder(n), 0, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		if b.Epsilon > eps {
			wrong++
		}
		if b.Epsilon > 0 {
			positive++
		}
	}
	if wrong > runs/20 || positive < runs/2 {
		t.Errorf("of %d bounds %d pass the true ε, %d say anything", runs, wrong, positive)
	}
}

func TestBadGuessesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		scores []float64
		in     []bool
		rungs  []int
		want   string
	}{
		"nothing":    {nil, nil, []int{1}, "0 scores"},
		"lengths":    {[]float64{1}, []bool{true, false}, []int{1}, "1 scores for 2"},
		"no rungs":   {[]float64{1}, []bool{true}, nil, "no number"},
		"a zero":     {[]float64{1}, []bool{true}, []int{0}, "0 guesses"},
		"too many":   {[]float64{1}, []bool{true}, []int{2}, "2 guesses"},
		"not number": {[]float64{math.NaN()}, []bool{true}, []int{1}, "score 0"},
	} {
		if _, err := LowerBound(c.scores, c.in, c.rungs, 0, 0.05); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSeparationEstimatesRho: Gaussian scores at a distance of √(2ρ).
func TestSeparationEstimatesRho(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for _, want := range []float64{0, 0.5, 3} {
		in, scores := Coins(20_000, rng), make([]float64, 20_000)
		for i := range scores {
			if scores[i] = 7 + 2*rng.NormFloat64(); in[i] {
				scores[i] += 2 * want
			}
		}
		if got := Separation(scores, in); math.Abs(got-want) > 0.06 {
			t.Errorf("separation %v, want %v", got, want)
		}
	}
	if got := Separation([]float64{1, 2, 3}, []bool{true, false, false}); got != 0 {
		t.Errorf("one canary alone is %v away", got)
	}
	if got := Separation([]float64{2, 2, 1, 1}, []bool{true, true, false, false}); !math.IsInf(got, 1) {
		t.Errorf("scores without scatter are %v away", got)
	}
}

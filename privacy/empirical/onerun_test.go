package empirical

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestVectors evaluates every known answer of this kind.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../testdata/accountant.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			ID, Kind string
			Inputs   json.RawMessage
			Expected struct {
				Epsilon *float64 `json:"epsilon_lower_bound"`
			}
			Tolerance map[string]struct{ Abs float64 }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, v := range file.Vectors {
		if v.Kind != "one_run_audit" {
			continue
		}
		var in struct {
			Canaries, Guesses, Correct int
			Delta, Significance        float64
		}
		if err := json.Unmarshal(v.Inputs, &in); err != nil {
			t.Fatalf("%s: %v", v.ID, err)
		}
		within := v.Tolerance["epsilon_lower_bound"].Abs
		if v.Expected.Epsilon == nil || within <= 0 || within > 2e-6 {
			t.Fatalf("%s checks nothing", v.ID)
		}
		got, err := EpsilonLower(in.Canaries, in.Guesses, in.Correct, in.Delta, in.Significance)
		if err != nil || math.Abs(got-*v.Expected.Epsilon) > within {
			t.Errorf("%s: got %.9f, %v, want %v within %v", v.ID, got, err, *v.Expected.Epsilon, within)
		}
		if near, _ := EpsilonLower(in.Canaries, in.Guesses, in.Correct-1, in.Delta, in.Significance); math.Abs(near-*v.Expected.Epsilon) <= within {
			t.Errorf("%s holds with one right guess less", v.ID)
		}
		held++
	}
	if held != 4 {
		t.Errorf("%d vectors held, want 4", held)
	}
}

func TestBadAuditsAreRefused(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		canaries, guesses, correct int
		delta, significance        float64
		want                       string
	}{
		{0, 0, 0, 0, 0.05, "0 canaries"},
		{-3, 1, 1, 0, 0.05, "-3 canaries"},
		{MaxCanaries + 1, 1, 1, 0, 0.05, "canaries"},
		{10, 0, 0, 0, 0.05, "0 guesses"},
		{10, 11, 1, 0, 0.05, "11 guesses"},
		{10, 5, 6, 0, 0.05, "6 right"},
		{10, 5, -1, 0, 0.05, "-1 right"},
		{10, 5, 5, -1e-9, 0.05, "δ"},
		{10, 5, 5, 1, 0.05, "δ"},
		{10, 5, 5, nan, 0.05, "δ"},
		{10, 5, 5, 0, 0, "significance"},
		{10, 5, 5, 0, 1, "significance"},
		{10, 5, 5, 0, nan, "significance"},
	} {
		if eps, err := EpsilonLower(c.canaries, c.guesses, c.correct, c.delta, c.significance); err == nil || eps != 0 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, %v", c, eps, err)
		}
	}
}

// TestKnownBounds: where δ = 0 and every guess is right, q^r = significance has a closed form.
func TestKnownBounds(t *testing.T) {
	for _, r := range []int{5, 10, 100, 1000, 100_000} {
		q := math.Exp(math.Log(0.05) / float64(r))
		want := math.Log(q) - math.Log(-math.Expm1(math.Log(q)))
		if got, err := EpsilonLower(r, r, r, 0, 0.05); err != nil || math.Abs(got-want) > 1e-7 || got > want+1e-12*want {
			t.Errorf("%d of %d: %.12f, %v, want %.12f and not more", r, r, got, err, want)
		}
	}
	for _, c := range [][3]int{{4, 4, 4}, {100, 100, 50}, {100, 100, 0}, {1000, 100, 58}} {
		if got, err := EpsilonLower(c[0], c[1], c[2], 0, 0.05); err != nil || got != 0 {
			t.Errorf("%v: %v, %v, want 0: a coin gives that in one of twenty", c, got, err)
		}
	}
}

// TestMoreEvidenceIsMore checks each direction in which the bound may move.
func TestMoreEvidenceIsMore(t *testing.T) {
	bound := func(t *rapid.T, m, r, v int, delta, significance float64) float64 {
		eps, err := EpsilonLower(m, r, v, delta, significance)
		if err != nil || !(eps >= 0) || math.IsInf(eps, 0) {
			t.Fatalf("m=%d r=%d v=%d δ=%v: %v, %v", m, r, v, delta, eps, err)
		}
		return eps
	}
	const slack = 1e-9
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(2, 400).Draw(t, "canaries")
		r := rapid.IntRange(2, m).Draw(t, "guesses")
		v := rapid.IntRange(1, r).Draw(t, "correct")
		delta := rapid.SampledFrom([]float64{0, 1e-10, 1e-6, 1e-4, 1e-3, 0.1}).Draw(t, "delta")
		s := rapid.Float64Range(0.001, 0.3).Draw(t, "significance")
		eps := bound(t, m, r, v, delta, s)
		for what, other := range map[string]float64{
			"one right guess less":      bound(t, m, r, v-1, delta, s),
			"a larger δ":                bound(t, m, r, v, min(0.9, 2*delta+1e-6), s),
			"a stricter significance":   bound(t, m, r, v, delta, s/2),
			"more canaries not guessed": bound(t, m+50, r, v, delta, s),
			"one more wrong guess":      bound(t, m+1, r+1, v, delta, s),
		} {
			if other > eps+slack {
				t.Errorf("%s raises the bound from %v to %v", what, eps, other)
			}
		}
		if eps > 0 && (chance(m, r, v, delta, eps) > s || chance(m, r, v, delta, eps+1e-6) <= s) {
			t.Errorf("%v is not the largest ε that is excluded", eps)
		}
	})
}

// TestBoundHolds is the promise itself, for the mechanism that is worst at ε: randomised response, whose guesses are right
// with probability e^ε/(1+e^ε). The chance that the bound passes ε is summed exactly over all outcomes.
func TestBoundHolds(t *testing.T) {
	const significance = 0.05
	for _, eps := range []float64{0, 0.1, 1, 3} {
		for _, r := range []int{1, 10, 100, 300} {
			w, wrong := logit(r, eps), 0.0
			for v := range r + 1 {
				bound, err := EpsilonLower(r, r, v, 0, significance)
				if err != nil {
					t.Fatal(err)
				}
				if bound > eps {
					wrong += math.Exp(w.logMass(v))
				}
			}
			if wrong > significance {
				t.Errorf("ε=%v, %d guesses: the bound is wrong with probability %v", eps, r, wrong)
			}
		}
	}
}

// TestTailsAreExact compares with rational arithmetic.
func TestTailsAreExact(t *testing.T) {
	for _, c := range []struct{ n, num, den int64 }{{1, 1, 2}, {40, 1, 2}, {60, 9, 10}, {300, 999, 1000}, {50, 1, 1000}} {
		p, q := new(big.Rat).SetFrac64(c.num, c.den), new(big.Rat).SetFrac64(c.den-c.num, c.den)
		w := logit(int(c.n), math.Log(float64(c.num))-math.Log(float64(c.den-c.num)))
		sum := new(big.Rat)
		for k := c.n; k >= 0; k-- {
			term := new(big.Rat).SetInt(new(big.Int).Binomial(c.n, k))
			for range k {
				term.Mul(term, p)
			}
			for range c.n - k {
				term.Mul(term, q)
			}
			sum.Add(sum, term)
			mantissa := new(big.Float).SetRat(sum)
			exponent := mantissa.MantExp(mantissa)
			m, _ := mantissa.Float64()
			want := math.Log(m) + float64(exponent)*math.Ln2
			if got := w.logRange(int(k), int(c.n)); math.Abs(got-want) > 1e-10*max(1, math.Abs(want)) {
				t.Errorf("n=%d p=%d/%d: ln P[W ≥ %d] = %.14g, want %.14g", c.n, c.num, c.den, k, got, want)
			}
		}
	}
}

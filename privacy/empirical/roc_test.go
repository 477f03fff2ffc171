package empirical

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestRates compares with limits that have a closed form, and with limits printed for 10 of 20 in textbooks.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{
		{0, 10, 0, 1 - math.Pow(0.025, 0.1)},
		{10, 10, math.Pow(0.025, 0.1), 1},
		{0, 1, 0, 0.975},
		{1, 1, 0.025, 1},
		{10, 20, 0.27196, 0.72804},
		{1, 1000, 0.0000253, 0.0055589},
	} {
		got, err := NewRate(c.hits, c.n, 0.05)
		if err != nil || math.Abs(got.Low-c.low) > 6e-6 || math.Abs(got.High-c.high) > 6e-6 {
			t.Errorf("%d of %d: %+v, %v, want %v to %v", c.hits, c.n, got, err, c.low, c.high)
		}
	}
	for _, c := range []struct {
		hits, n int
		s       float64
	}{{1, 0, 0.05}, {-1, 5, 0.05}, {6, 5, 0.05}, {1, 5, 0}, {1, 5, math.NaN()}, {1, MaxCanaries + 1, 0.05}} {
		if _, err := NewRate(c.hits, c.n, c.s); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestRatesCover sums exactly how often the limits miss the truth.
func TestRatesCover(t *testing.T) {
	const n = 40
	for _, odds := range []float64{-6, -2, -0.3, 0, 1, 5} {
		w, p, missed := logit(n, odds), sigmoid(odds), 0.0
		for k := range n + 1 {
			r, err := NewRate(k, n, 0.05)
			if err != nil {
				t.Fatal(err)
			}
			if p < r.Low || p > r.High {
				missed += math.Exp(w.logMass(k))
			}
		}
		if missed > 0.05 {
			t.Errorf("a rate of %v is missed with probability %v", p, missed)
		}
	}
}

func TestMembershipOfKnownScores(t *testing.T) {
	scores := []float64{9, 8, 3, 1 /* members */, 8, 4, 2, 1, 0}
	in := []bool{true, true, true, true, false, false, false, false, false}
	m, err := NewMembership(scores, in)
	if err != nil {
		t.Fatal(err)
	}
	// 9 beats 5; 8 beats 4 and ties one; 3 beats 3; 1 beats one and ties one: 5 + 4.5 + 3 + 1.5 of 20.
	if m.Members != 4 || m.Others != 5 || m.AUC != 0.7 || !(m.Low < 0.7 && m.High > 0.7 && m.Low > 0.2 && m.High <= 1) {
		t.Errorf("%+v", m)
	}
	for _, c := range []struct {
		alarms      float64
		hits, wrong int
	}{{0, 1, 0}, {0.19, 1, 0}, {0.2, 2, 1}, {0.4, 3, 2}, {0.8, 4, 4}, {1, 4, 5}} {
		found, wrong, err := m.At(c.alarms, 0.05)
		if err != nil || found.Hits != c.hits || wrong != c.wrong || found.Of != 4 {
			t.Errorf("at %v: %+v, %d false alarms, %v", c.alarms, found, wrong, err)
		}
	}
	if _, _, err := m.At(-0.1, 0.05); err == nil {
		t.Error("less than no false alarms were taken")
	}
	want := []Point{{0, 0}, {0, 0.25}, {0.2, 0.5}, {0.4, 0.5}, {0.4, 0.75}, {0.6, 0.75}, {0.8, 1}, {1, 1}}
	got := m.Curve()
	if len(got) != len(want) {
		t.Fatalf("curve %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("point %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// TestAUCIsTheAreaUnderTheCurve, for any scores, ties included.
func TestAUCIsTheAreaUnderTheCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Map(rapid.IntRange(-5, 5), func(i int) float64 { return float64(i) }), 4, 60).Draw(t, "scores")
		in := rapid.SliceOfN(rapid.Bool(), len(scores), len(scores)).Draw(t, "in")
		in[0], in[1], in[2], in[3] = true, true, false, false
		m, err := NewMembership(scores, in)
		if err != nil {
			t.Fatal(err)
		}
		area, points := 0.0, m.Curve()
		for i := 1; i < len(points); i++ {
			area += (points[i].FalseAlarm - points[i-1].FalseAlarm) * (points[i].Hit + points[i-1].Hit) / 2
			if points[i].FalseAlarm < points[i-1].FalseAlarm || points[i].Hit < points[i-1].Hit {
				t.Fatalf("the curve turns back at %d: %v", i, points)
			}
		}
		if math.Abs(area-m.AUC) > 1e-9 || points[len(points)-1] != (Point{1, 1}) {
			t.Errorf("area %v, AUC %v, last point %v", area, m.AUC, points[len(points)-1])
		}
		last := -1
		for _, alarms := range []float64{0, 0.1, 0.3, 0.7, 1} {
			found, wrong, err := m.At(alarms, 0.05)
			if err != nil || float64(wrong) > alarms*float64(m.Others)+1e-9 || found.Hits < last {
				t.Errorf("at %v: %+v, %d false alarms, %v", alarms, found, wrong, err)
			}
			last = found.Hits
		}
	})
}

func TestBadMembershipIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		scores []float64
		in     []bool
		want   string
	}{
		"lengths":    {[]float64{1}, nil, "1 scores for 0"},
		"one member": {[]float64{1, 2, 3}, []bool{true, false, false}, "two members"},
		"all in":     {[]float64{1, 2, 3}, []bool{true, true, true}, "two others"},
		"NaN":        {[]float64{1, 2, 3, math.NaN()}, []bool{true, true, false, false}, "score 3"},
	} {
		if _, err := NewMembership(c.scores, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

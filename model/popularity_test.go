package model

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestCountHasLengthOne(t *testing.T) {
	dst := []float32{9, 9, 9, 9, 9, 9}
	if err := Count(dst, examples(1, 4, 1, 5, 2)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(dst, []float32{0, 0.5, 0.5, 0, 0.5, 0.5}) {
		t.Errorf("four titles of six, one of them twice, count %v", dst)
	}
	for name, history := range map[string][]Example{"no history": nil, "an item past the end": examples(6), "a negative item": examples(-1)} {
		if Count(dst, history) == nil {
			t.Errorf("%s is counted", name)
		}
	}
}

func TestHistogramSetsBiasesAlone(t *testing.T) {
	for _, family := range families {
		s := disturbed(t, family, 3, 2, 5)
		before := slices.Clone(s.Params)
		out, err := Histogram{Sum: []float32{6, -3, 1}, Noise: 2}.Apply(s)
		if err != nil {
			t.Fatal(err)
		}
		at, n, _ := s.Layout.Offset("b")
		mean := (math.Log(8) + math.Log(2) + math.Log(3)) / 3
		for i, want := range []float64{math.Log(8) - mean, math.Log(2) - mean, math.Log(3) - mean} {
			if got := float64(out.Params[at+i]); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: bias %d is %v, want %v", family, i, got, want)
			}
		}
		if !slices.Equal(s.Params, before) || !slices.Equal(out.Params[:at], before[:at]) || !slices.Equal(out.Params[at+n:], before[at+n:]) {
			t.Errorf("%s: something else than the new model's biases moved", family)
		}
	}
}

func TestHistogramRefuses(t *testing.T) {
	s := start(t, TwoTowerFamily, 3, 2)
	nan, inf := float32(math.NaN()), math.Inf(1)
	for name, h := range map[string]Histogram{
		"a place less":      {Sum: []float32{1, 2}},
		"NaN":               {Sum: []float32{1, nan, 2}},
		"NaN noise":         {Sum: []float32{1, 2, 3}, Noise: math.NaN()},
		"infinite noise":    {Sum: []float32{1, 2, 3}, Noise: inf},
		"negative floor":    {Sum: []float32{1, 2, 3}, Floor: -1},
		"negative strength": {Sum: []float32{1, 2, 3}, Strength: -1},
		"NaN strength":      {Sum: []float32{1, 2, 3}, Strength: nan},
		"too strong":        {Sum: []float32{1, 2, 3}, Strength: 101},
	} {
		if _, err := h.Apply(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestPopularityIsALocalFunction wants it read back, of a title's length, and without any parameter.
func TestPopularityIsALocalFunction(t *testing.T) {
	l := Popularity()
	if got, err := ParseLocal(l.Append(nil)); err != nil || got != l {
		t.Fatalf("came back as %+v, %v", got, err)
	}
	layout := start(t, TwoTowerFamily, 7, 3).Layout
	if got := l.Words(layout); got != 7 {
		t.Errorf("%d words for 7 titles", got)
	}
	for name, change := range map[string]func(*Local){
		"version 2": func(l *Local) { l.Version = 2 }, "steps": func(l *Local) { l.Steps = 1 }, "dropout": func(l *Local) { l.Dropout = 0.5 }, "rank": func(l *Local) { l.Rank = 2 },
	} {
		l := Popularity()
		change(&l)
		if _, err := ParseLocal(l.Append(nil)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestHistogramKeepsHalves: a model that is stored in halves stays one, or every later version would be twice as long.
func TestHistogramKeepsHalves(t *testing.T) {
	s, err := start(t, TwoTowerFamily, 3, 2).InHalves()
	if err != nil {
		t.Fatal(err)
	}
	out, err := Histogram{Sum: []float32{6, -3, 1}, Noise: 2}.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(out.Encode())
	if err != nil || !back.Half || !slices.Equal(back.Params, out.Params) {
		t.Errorf("a model in halves became %d bytes of floats (%v)", len(out.Encode()), err)
	}
}

// TestHistogramLeavesFrozenBiases: what a head was trained over is not overwritten.
func TestHistogramLeavesFrozenBiases(t *testing.T) {
	for _, family := range []string{SequentialFamily, HybridFamily} {
		s, err := NewHead(family, start(t, TwoTowerFamily, 3, 2))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (Histogram{Sum: []float32{6, 3, 1}, Noise: 2}).Apply(s); err == nil || !strings.Contains(err.Error(), "frozen") {
			t.Errorf("%s: %v, want an error that says frozen", family, err)
		}
	}
}

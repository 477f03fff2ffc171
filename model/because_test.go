package model

import (
	"math"
	"testing"
)

// TestSharesSumToTheScore holds the parts of a two-tower's scores against the scorer's own, for histories beyond what a channel still sees.
func TestSharesSumToTheScore(t *testing.T) {
	s := disturbed(t, TwoTowerFamily, 60, 8, 3)
	for _, history := range [][]Example{examples(5), examples(1, 2, 3), examples(seq(55)...)} {
		scorer, err := mustOpen(t, s.Layout).Scorer(s.Params, history)
		if err != nil {
			t.Fatal(err)
		}
		scores := make([]float32, 60)
		scorer.Scores(scores)
		b, err := NewBecause(s, history)
		if err != nil {
			t.Fatal(err)
		}
		for item, want := range scores {
			shares, sum := b.Shares(item)
			if len(shares) != len(history) {
				t.Fatalf("%d shares of a history of %d", len(shares), len(history))
			}
			size := math.Abs(sum)
			for _, x := range shares {
				sum += x
				size += math.Abs(x)
			}
			if math.Abs(sum-float64(want)) > 1e-5*(1+size) {
				t.Errorf("history of %d, item %d: the shares sum to %v, the score is %v", len(history), item, sum, want)
			}
		}
	}
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestBecauseNamesWhatPointsTheSameWay plants a title that is like one watched title alone, and two that nothing watched speaks for.
func TestBecauseNamesWhatPointsTheSameWay(t *testing.T) {
	for _, family := range []string{TwoTowerFamily, NCFFamily, HybridFamily, SequentialFamily} {
		var s *Snapshot
		if family == TwoTowerFamily || family == NCFFamily {
			s = start(t, family, 6, 4)
		} else {
			s = startedHead(t, family, 6, 4)
		}
		v := s.Layout.tensor(s.Params, "v")
		copy(v, []float32{
			1, 0, 0, 0,
			0, 1, 0, 0,
			0, 0, 1, 0,
			0, 2, 0, 0.1, // like 1
			0, 0, 0, 1, // like nothing watched
			-1, -1, -1, 0,
		})
		b, err := NewBecause(s, examples(0, 1, 2))
		if err != nil {
			t.Fatal(err)
		}
		if place, ok := b.Place(3); !ok || place != 1 {
			t.Errorf("%s: item 3 is listed because of place %d (%t), want 1", family, place, ok)
		}
		for _, item := range []int{4, 5} {
			if place, ok := b.Place(item); ok {
				t.Errorf("%s: item %d is listed because of place %d, want none: nothing speaks for it", family, item, place)
			}
		}
		if shares, _ := b.Shares(3); (shares != nil) != (family == TwoTowerFamily) {
			t.Errorf("%s: shares %v", family, shares)
		}
	}
}

func TestBecauseRefuses(t *testing.T) {
	s := start(t, TwoTowerFamily, 6, 4)
	for name, history := range map[string][]Example{"nothing": nil, "a title outside": examples(6)} {
		if _, err := NewBecause(s, history); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

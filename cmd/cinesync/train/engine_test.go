package train

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
)

// TestBothEnginesTakeTheSameSteps: the same cuts, the same gradients but for rounding, the same clip groups.
func TestBothEnginesTakeTheSameSteps(t *testing.T) {
	spec := model.Spec{Family: model.TwoTowerFamily, Dim: 4}
	s, err := spec.New([]string{"a", "b", "c", "d", "e", "f", "g", "h"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Layout.Tensors[1].Group = 3
	m, err := model.Open(s.Layout)
	if err != nil {
		t.Fatal(err)
	}
	history := []model.Example{{Item: 1}, {Item: 4}, {Item: 2}, {Item: 7}, {Item: 0}}
	local := model.Local{Name: spec.Family, Version: 1, Steps: 3, Cuts: 4, Next: 2, Dropout: 0.3, Rate: 1, RateDense: 0.1}
	hand, wantLoss, err := model.Train(m, s.Params, history, local, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	reference, err := Graphs{}.Trainer(s)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(hand))
	loss, err := reference.Update(got, history, local, rand.New(rand.NewPCG(1, 2)))
	if err != nil || math.Abs(loss-wantLoss) > 1e-4 {
		t.Fatalf("loss %v, by hand %v (%v)", loss, wantLoss, err)
	}
	moved := 0.
	for i := range hand {
		moved = max(moved, math.Abs(float64(hand[i])))
		if math.Abs(float64(hand[i]-got[i])) > 1e-4 {
			t.Fatalf("coordinate %d moves by %v, by hand %v", i, got[i], hand[i])
		}
	}
	if moved < 0.01 {
		t.Errorf("nothing moved: %v at most", moved)
	}
}

func TestTheReferenceEngineTrainsATask(t *testing.T) {
	d := world(t, 6)
	change := func(t *task.Task) { t.Rounds.Count, t.Local.Steps, t.Local.Cuts, t.Local.Negatives = 2, 1, 1, 0 }
	_, hand := run(t, Options{Task: small(t, "two-tower", change), Data: d, Seeds: 1})
	_, graphs := run(t, Options{Task: small(t, "two-tower", change), Data: d, Seeds: 1, Engine: Graphs{}})
	far := 0.
	for i := range hand.Params {
		far = max(far, math.Abs(float64(hand.Params[i]-graphs.Params[i])))
	}
	if far > 0.2 { // an integer of the grid that rounds the other way is a step of Adam
		t.Errorf("the models are %v apart", far)
	}
	if _, err := (Graphs{}).Trainer(&model.Snapshot{Layout: model.Layout{Family: model.NCFFamily}}); err == nil || !strings.Contains(err.Error(), "--engine hand") {
		t.Errorf("ncf: %v", err)
	}
}

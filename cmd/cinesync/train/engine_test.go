package train

import (
	"math"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
)

// TestTheReferenceEngineTrainsATask: both families come out as by hand, but for rounding.
func TestTheReferenceEngineTrainsATask(t *testing.T) {
	d := world(t, 6)
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		change := func(t *task.Task) {
			t.Model.Family, t.Rounds.Count, t.Local.Steps, t.Local.Cuts = family, 2, 1, 1
			if family == model.NCFFamily {
				t.Local.Negatives = 10
			}
		}
		_, hand := run(t, Options{Task: small(t, "two-tower", change), Data: d, Seeds: 1})
		_, graphs := run(t, Options{Task: small(t, "two-tower", change), Data: d, Seeds: 1, Engine: Graphs{}})
		far := 0.
		for i := range hand.Params {
			far = max(far, math.Abs(float64(hand.Params[i]-graphs.Params[i])))
		}
		if far > 0.2 { // an integer of the grid that rounds the other way is a step of Adam
			t.Errorf("%s: the models are %v apart", family, far)
		}
	}
}

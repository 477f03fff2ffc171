package train

import (
	"math"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
)

func TestTheReferenceEngineTrainsATask(t *testing.T) {
	d := world(t, 6)
	change := func(t *task.Task) { t.Rounds.Count, t.Local.Steps, t.Local.Cuts, t.Local.Negatives = 2, 1, 1, 0 }
	for _, name := range []string{"two-tower", "ncf"} {
		_, hand := run(t, Options{Task: small(t, name, change), Data: d, Seeds: 1})
		_, graphs := run(t, Options{Task: small(t, name, change), Data: d, Seeds: 1, Engine: Graphs{}})
		far := 0.
		for i := range hand.Params {
			far = max(far, math.Abs(float64(hand.Params[i]-graphs.Params[i])))
		}
		if far > 0.2 { // an integer of the grid that rounds the other way is a step of Adam
			t.Errorf("%s: the models are %v apart", name, far)
		}
	}
}

package aggregation_test

import (
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/aggregation/aggtest"
	"github.com/cinesync/cinesync/aggregation/ring"
	"github.com/cinesync/cinesync/internal/raced"
)

// TestCPUAccumulatorConforms at every level that this processor runs, the one that it would choose among them. The race detector does
// not see assembly: one level is enough for it.
func TestCPUAccumulatorConforms(t *testing.T) {
	levels := ring.Levels()
	if raced.On() {
		levels = levels[:1]
	}
	for _, l := range levels {
		t.Run(l.String(), func(t *testing.T) {
			aggtest.Run(t, func(_ testing.TB, s aggregation.Shape) aggregation.Accumulator {
				return aggregation.NewAccumulatorAt(l, s)
			})
		})
	}
	if best := ring.Levels()[0]; ring.Best() != best {
		t.Errorf("the best level is %v, want %v", ring.Best(), best)
	}
}

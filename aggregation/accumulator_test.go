package aggregation_test

import (
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/aggregation/aggtest"
)

func TestCPUAccumulatorConforms(t *testing.T) {
	aggtest.Run(t, func(_ testing.TB, s aggregation.Shape) aggregation.Accumulator { return aggregation.NewAccumulator(s) })
}

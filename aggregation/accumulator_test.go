package aggregation_test

import (
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/aggregation/aggtest"
)

func TestCPUAccumulatorConforms(t *testing.T) {
	aggtest.Run(t, func(_ testing.TB, d int) aggregation.Accumulator {
		return aggregation.NewAccumulator(aggregation.Shape{D: d, WordBits: 32, PRG: aggregation.PRGAES128})
	})
}

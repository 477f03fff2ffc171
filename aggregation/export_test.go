package aggregation

import "github.com/cinesync/cinesync/aggregation/ring"

// NewAccumulatorAt is newAccumulator, for tests that import aggtest and so cannot be of this package.
func NewAccumulatorAt(l ring.Level, s Shape) *CPUAccumulator { return newAccumulator(l, s) }

package secagg

import (
	"runtime"
	"time"

	"github.com/cinesync/cinesync/aggregation"
)

// Measure finds this machine's rate of making masks and adding them, as rounds do it: with one core, as a device has it, and
// with all. It takes about a third of a second.
func Measure(prg uint16) Rate {
	all := masksPerSecond(prg)
	cores := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(cores)
	return Rate{OneCore: masksPerSecond(prg), AllCores: all, Measured: true}
}

func masksPerSecond(prg uint16) float64 {
	const words, masks = 1 << 20, 8
	acc := aggregation.NewAccumulator(aggregation.Shape{D: words, WordBits: 32, PRG: prg})
	terms := make([]aggregation.Term, masks)
	for i := range terms {
		terms[i].Key[0] = byte(i)
	}
	var bytes int64
	start := time.Now()
	for time.Since(start) < 150*time.Millisecond {
		_ = acc.AddMasks(terms) // it does not fail on a CPU
		bytes += 4 * words * masks
	}
	return float64(bytes) / time.Since(start).Seconds()
}

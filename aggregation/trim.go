package aggregation

import (
	"fmt"
	"slices"
)

// Trimmed is how many of m cohorts' means are left out at either end of each coordinate: a quarter of them, and one at least
// where there are three or more.
func Trimmed(m int) int {
	if m < 3 {
		return 0
	}
	return max(1, m/4)
}

// TrimmedMean is, for every coordinate, the mean of what is left of the cohorts' means when the trim least and the trim
// greatest are left out (Yin, Chen, Ramchandran, Bartlett 2018, arXiv 1803.01498; secure aggregation 14.2). The means are of
// one length, and more than 2·trim; anything else is a bug and panics. The order of the means does not count.
func TrimmedMean(means [][]float32, trim int) []float32 {
	if trim < 0 || len(means) <= 2*trim {
		panic(fmt.Sprintf("aggregation: trimmed mean of %d vectors without %d at either end", len(means), trim))
	}
	out, column := make([]float32, len(means[0])), make([]float32, len(means))
	for j := range out {
		for i, mean := range means {
			sameLength(len(mean), len(out))
			column[i] = mean[j]
		}
		slices.Sort(column)
		var sum float64
		for _, v := range column[trim : len(column)-trim] {
			sum += float64(v)
		}
		out[j] = float32(sum / float64(len(column)-2*trim))
	}
	return out
}

func sameLength(a, b int) {
	if a != b {
		panic(fmt.Sprintf("aggregation: vectors of %d and %d words", a, b))
	}
}

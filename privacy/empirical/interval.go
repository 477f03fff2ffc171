package empirical

import (
	"fmt"
	"math"
)

// Rate is a share that was counted, with the limits between which its true value lies.
type Rate struct {
	Hits, Of  int
	Low, High float64
}

// Share is the one that was counted; 0 of nothing.
func (r Rate) Share() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Hits) / float64(r.Of)
}

// NewRate gives hits of n tries their exact limits (Clopper, Pearson 1934): the true rate lies outside with probability at
// most significance, half on each side. 0 ≤ hits ≤ n, 1 ≤ n ≤ MaxCanaries.
func NewRate(hits, n int, significance float64) (Rate, error) {
	if n < 1 || n > MaxCanaries {
		return Rate{}, fmt.Errorf("limits of a rate: %d tries are outside 1 to %d", n, MaxCanaries)
	}
	if hits < 0 || hits > n {
		return Rate{}, fmt.Errorf("limits of a rate: %d hits of %d tries", hits, n)
	}
	if err := checkSignificance(significance); err != nil {
		return Rate{}, fmt.Errorf("limits of a rate: %w", err)
	}
	half := math.Log(significance / 2)
	r := Rate{Hits: hits, Of: n, High: 1}
	// Over log-odds, where a float64 tells rates near 0 and near 1 apart. Each limit errs to the wide side.
	const far = 60
	if hits > 0 {
		below, _ := rising(-far, far, func(x float64) bool { return logit(n, x).logRange(hits, n) > half })
		r.Low = sigmoid(below)
	}
	if hits < n {
		_, above := rising(-far, far, func(x float64) bool { return logit(n, x).logRange(0, hits) < half })
		r.High = sigmoid(above)
	}
	return r, nil
}

func sigmoid(x float64) float64 { return math.Exp(-softplus(-x)) }

package round

import "github.com/cinesync/cinesync/aggregation"

type ring struct {
	*aggregation.Ring
	n int
}

func newRing(n, blocks, k int, seed [32]byte) (*ring, error) {
	r, err := aggregation.NewRing(n, k, seed)
	return &ring{r, n}, err
}

func (r *ring) Members(int) []int {
	out := make([]int, r.n)
	for i := range out {
		out[i] = i
	}
	return out
}

//go:build !amd64

package scan

// levels are the forms that this processor runs, best first.
func levels() []level { return []level{portable} }

func (level) width(n int) (take, room int) {
	n = min(n, MaxQueries)
	return n, n
}

func (level) scan(f *Found, p *Panels, block, room int, queries []float32, least *[MaxQueries]float32) {
	scanGo(f, p, block, room, queries, least)
}

func (level) above(hits []uint64, scores []float32, least float32) bool {
	for w := range hits {
		hits[w] = aboveGo(scores[w*64:(w+1)*64], least)
	}
	return finiteGo(scores)
}

package rank

import (
	"math"
	"math/bits"
	"slices"

	"github.com/cinesync/cinesync/serve/rank/scan"
)

// seatRoom is the candidates that a search keeps before it gives some up.
const seatRoom = 256

// seat is the search for one query's list.
type seat struct {
	table *Table
	query []float32
	norm  float64
	own   Mask
	n     int
	floor float32     // n titles score at least this: what is certain to score less is given up
	slack float32     // the error of the block that is under way
	pool  []candidate // at most seatRoom; n titles of them, or all, are the best so far
}

// candidate is a title whose score lies from low to high; where they are equal it is the score.
type candidate struct {
	row       int32
	low, high float32
}

// least is the float32 score of the next block, wrong by at most slack, below which a title is certain to score less than floor.
func (s *seat) least(slack float32) float32 {
	s.slack = slack
	return down(min(float64(s.floor), math.MaxFloat32) - float64(slack)) // what rounds to infinity may be little above the greatest number
}

// take looks at what was marked in a block.
func (s *seat) take(block int, hits, open *[scan.Block / 64]uint64, scores *[scan.Block]float32) {
	for w, word := range hits {
		at := block*len(hits) + w
		word &= open[w]
		if word != 0 && at < len(s.own) {
			word &^= s.own[at]
		}
		for ; word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			s.offer(at*64+i, scores[w*64+i])
		}
	}
}

// offer takes a candidate in whose float32 score is given.
func (s *seat) offer(row int, score float32) {
	c := candidate{int32(row), score - s.slack, score + s.slack}
	if s.slack > math.MaxFloat32 { // nothing is known
		c.low, c.high = -s.slack, s.slack
	}
	if c.high < s.floor {
		return
	}
	if len(s.pool) == seatRoom {
		s.thin()
	}
	s.pool = append(s.pool, c)
}

// thin gives up candidates that cannot be on the list; at most half of seatRoom are left.
func (s *seat) thin() {
	s.lift()
	if len(s.pool) > seatRoom/2 {
		s.settle()
	}
}

// lift raises the floor to the n-th best of what the candidates are certain to score, and gives up what is below.
func (s *seat) lift() {
	if len(s.pool) < s.n {
		return
	}
	lows := make([]float32, len(s.pool))
	for i, c := range s.pool {
		lows[i] = c.low
	}
	s.floor = max(s.floor, nth(lows, s.n-1))
	kept := 0
	for _, c := range s.pool { // written whether it stays or not: a branch here would be a coin
		s.pool[kept] = c
		more := 0
		if c.high >= s.floor {
			more = 1
		}
		kept += more
	}
	s.pool = s.pool[:kept]
}

// settle scores the candidates exactly and keeps the n best.
func (s *seat) settle() {
	list := s.list()
	s.pool = s.pool[:0]
	for _, it := range list {
		s.pool = append(s.pool, candidate{int32(it.Index), it.Score, it.Score})
	}
	if len(list) == s.n {
		s.floor = list[s.n-1].Score
	}
}

// list is the n best candidates, best first.
func (s *seat) list() []Item {
	s.lift()
	out := make([]Item, len(s.pool))
	for i, c := range s.pool {
		out[i] = Item{int(c.row), c.low}
	}
	s.score(out)
	slices.SortFunc(out, before)
	return out[:min(s.n, len(out))]
}

// score replaces the scores of items, one a candidate, by exact ones; four at a time, since each sum waits for itself.
func (s *seat) score(out []Item) {
	var four [4]*Item
	open := 0
	for i, c := range s.pool {
		if c.low == c.high {
			continue
		}
		four[open] = &out[i]
		if open++; open == len(four) {
			s.scoreFour(&four)
			open = 0
		}
	}
	for _, it := range four[:open] {
		it.Score = s.table.Score(s.query, it.Index)
	}
}

func (s *seat) scoreFour(items *[4]*Item) {
	t := s.table
	a, b, c, d := t.Vector(items[0].Index), t.Vector(items[1].Index), t.Vector(items[2].Index), t.Vector(items[3].Index)
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	var sa, sb, sc, sd float64
	for k, x := range s.query[:len(a)] {
		q := float64(x)
		sa += q * float64(a[k])
		sb += q * float64(b[k])
		sc += q * float64(c[k])
		sd += q * float64(d[k])
	}
	for i, sum := range [4]float64{sa, sb, sc, sd} {
		items[i].Score = round(sum + float64(t.biases[items[i].Index]))
	}
}

// nth is the value that would stand at place n if values fell from place to place. It mixes them up.
func nth(values []float32, n int) float32 {
	for {
		pivot := middle(values[0], values[len(values)/2], values[len(values)-1])
		above := toFront(values, pivot)
		if n < above {
			values = values[:above]
			continue
		}
		values, n = values[above:], n-above // nothing above the pivot is left
		same := toFront(values, math.Nextafter32(pivot, float32(math.Inf(-1))))
		if n < same || pivot < -math.MaxFloat32 { // −Inf has nothing below
			return pivot
		}
		values, n = values[same:], n-same
	}
}

// toFront brings the values above a bound to the front and counts them. Each value is moved, whether above or not: a branch on that
// would be foreseen half of the time.
func toFront(values []float32, bound float32) (count int) {
	for i, v := range values {
		values[i], values[count] = values[count], v
		more := 0
		if v > bound {
			more = 1
		}
		count += more
	}
	return count
}

// middle is the second greatest of three.
func middle(a, b, c float32) float32 { return max(min(a, b), min(max(a, b), c)) }

// down is the greatest float32 that is not above x.
func down(x float64) float32 {
	f := float32(x)
	if float64(f) > x {
		return math.Nextafter32(f, float32(math.Inf(-1)))
	}
	return f
}

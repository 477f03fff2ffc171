package rank

import (
	"math"
	"math/bits"
	"slices"

	"github.com/cinesync/cinesync/serve/rank/scan"
)

// seatRoom is the candidates that a search keeps before it gives some up.
const seatRoom = 512

// seat is the search for one query's list.
type seat struct {
	table *Table
	query []float32
	norm  float64
	own   Mask
	n     int
	floor float32     // n titles score at least this: what is certain to score less is given up
	slack float64     // the error of the block that is under way
	pool  []candidate // at most seatRoom; n titles of them, or all, are the best so far
}

// candidate is a title whose score lies from low to high; where they are equal it is the score.
type candidate struct {
	row       int32
	low, high float32
}

// least is the float32 score of the next block, wrong by at most slack, below which a title is certain to score less than floor.
func (s *seat) least(slack float64) float32 {
	s.slack = slack
	floor := min(float64(s.floor), math.MaxFloat32) // what rounds to infinity may be little above the greatest number
	return down(floor - slack)
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
			s.offer(at*64+i, float64(scores[w*64+i]))
		}
	}
}

// offer takes a candidate in whose float32 score is given.
func (s *seat) offer(row int, score float64) {
	c := candidate{int32(row), down(score - s.slack), up(score + s.slack)}
	if math.IsInf(s.slack, 1) || math.IsNaN(score) {
		c.low, c.high = float32(math.Inf(-1)), float32(math.Inf(1))
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
	s.pool = slices.DeleteFunc(s.pool, func(c candidate) bool { return c.high < s.floor })
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
		if c.low != c.high {
			out[i].Score = s.table.Score(s.query, int(c.row))
		}
	}
	slices.SortFunc(out, before)
	return out[:min(s.n, len(out))]
}

// nth is the value that would stand at place n if values fell from place to place. It mixes them up.
func nth(values []float32, n int) float32 {
	for first, end := 0, len(values); end-first > 1; {
		pivot := middle(values[first], values[(first+end)/2], values[end-1])
		i, j := first, end-1
		for i <= j {
			for values[i] > pivot {
				i++
			}
			for values[j] < pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			end = j + 1
		case n >= i:
			first = i
		default:
			return values[n]
		}
	}
	return values[n]
}

// middle is the second greatest of three.
func middle(a, b, c float32) float32 { return max(min(a, b), min(max(a, b), c)) }

// down is the greatest float32 that is not above x, and up the smallest that is not below.
func down(x float64) float32 {
	f := float32(x)
	if float64(f) > x {
		return math.Nextafter32(f, float32(math.Inf(-1)))
	}
	return f
}

func up(x float64) float32 { return -down(-x) }

package evaluate

import (
	"math"

	"github.com/cinesync/cinesync/model/split"
)

// listLength is how many titles a list of recommendations has.
const listLength = 10

// seat is where one case came out: how many titles stand before the held-out one, and the user's list.
type seat struct {
	uniform, matched, full int
	list                   []int // best first, at most listLength, without the history
	notNumber              bool
}

// sit ranks one case. It spoils scores.
func sit(scores []float32, history []int, c split.Case, matched []int) seat {
	var s seat
	held := scores[c.Item]
	s.uniform, s.matched = before(scores, held, c.Negatives), before(scores, held, matched)
	for _, v := range scores {
		if !(v < held) {
			s.full++
		}
		if v != v {
			s.notNumber = true
		}
	}
	s.full -= before(scores, held, history) + 1 // the history is no candidate, the held-out title does not beat itself
	for _, item := range history {
		scores[item] = float32(math.Inf(-1))
	}
	s.list = top(scores)
	return s
}

// before is how many of items stand before the held-out title. A tie stands before it, and so does whatever has a score that
// is not a number; if the held-out title's own is not a number, all of them do.
func before(scores []float32, held float32, items []int) int {
	n := 0
	for _, i := range items {
		if !(scores[i] < held) {
			n++
		}
	}
	return n
}

// top gives the best titles, of equal ones the first. Scores that are not numbers and minus infinity are in no list.
func top(scores []float32) []int {
	list := make([]int, 0, listLength+1)
	least := float32(math.Inf(-1))
	for i, v := range scores {
		if !(v > least) {
			continue
		}
		at := len(list)
		for at > 0 && scores[list[at-1]] < v {
			at--
		}
		list = append(list, 0)
		copy(list[at+1:], list[at:])
		list[at] = i
		if len(list) > listLength {
			list = list[:listLength]
		}
		if len(list) == listLength {
			least = scores[list[listLength-1]]
		}
	}
	return list
}

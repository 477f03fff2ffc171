package evaluate

import "math"

// sit ranks one case. It spoils scores.
func sit(scores []float32, q Question) Place {
	var p Place
	held := scores[q.Held]
	p.Uniform, p.Matched = before(scores, held, q.Uniform), before(scores, held, q.Matched)
	for _, v := range scores {
		if !(v < held) {
			p.Full++
		}
		if v != v {
			p.NotNumber = true
		}
	}
	p.Full -= before(scores, held, q.History) + 1 // the history is no candidate, the held-out title does not beat itself
	for _, item := range q.History {
		scores[item] = float32(math.Inf(-1))
	}
	p.List = top(scores)
	return p
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
	list := make([]int, 0, ListLength+1)
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
		if len(list) > ListLength {
			list = list[:ListLength]
		}
		if len(list) == ListLength {
			least = scores[list[ListLength-1]]
		}
	}
	return list
}

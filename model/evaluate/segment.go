package evaluate

import (
	"cmp"
	"slices"
)

// Segment is the figures of some of the users: those with so long a history, or with so popular a title held out.
type Segment struct {
	By      string  `json:"by"`
	Name    string  `json:"name"`
	Uniform Ranking `json:"uniform"`
	Matched Ranking `json:"matched"`
	Full    Ranking `json:"full"`
}

// part is a segment's cases.
type part struct {
	by, name string
	cases    []int
}

// lengths are the least training titles of a segment by history, and its name.
var lengths = []struct {
	least int
	name  string
}{{0, "none"}, {1, "1-9"}, {10, "10-29"}, {30, "30-99"}, {100, "100-299"}, {300, "300+"}}

// The segments by popularity of the held-out title: nobody watched it; the fewest titles that have half of all plays; those
// that have the next 30 %; the rest.
const (
	newTitles = "new"
	head      = "head"
	middle    = "middle"
	tail      = "tail"
)

// segment sorts the cases; parts without a case are left out.
func (j *Judge) segment() []part {
	var parts []part
	for k, l := range lengths {
		p := part{by: "history", name: l.name}
		for i, c := range j.split.Cases {
			n := len(j.split.Train.Histories[c.User])
			if n >= l.least && (k+1 == len(lengths) || n < lengths[k+1].least) {
				p.cases = append(p.cases, i)
			}
		}
		parts = append(parts, p)
	}
	class := j.classes()
	for _, name := range []string{newTitles, tail, middle, head} {
		p := part{by: "popularity", name: name}
		for i, c := range j.split.Cases {
			if class[c.Item] == name {
				p.cases = append(p.cases, i)
			}
		}
		parts = append(parts, p)
	}
	return slices.DeleteFunc(parts, func(p part) bool { return len(p.cases) == 0 })
}

// classes names each title's segment by popularity.
func (j *Judge) classes() []string {
	order := make([]int, len(j.counts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(j.counts[b], j.counts[a]), cmp.Compare(a, b)) })
	plays, before := j.split.Train.Plays(), 0
	class := make([]string, len(j.counts))
	for _, item := range order {
		switch {
		case j.counts[item] == 0:
			class[item] = newTitles
		case 10*before < 5*plays:
			class[item] = head
		case 10*before < 8*plays:
			class[item] = middle
		default:
			class[item] = tail
		}
		before += j.counts[item]
	}
	return class
}

package imports

import (
	"slices"
)

// match is where a row's title led: to an id, or to a reason why not, with candidates if there are any.
type match struct {
	id         string
	why        string
	candidates []string
}

// film finds a film by its names and year (design: imports 3, matching, steps 3 to 5). The best class wins: same year before
// one year off, title before other names.
func (c *Catalogue) film(n name) match {
	const none = 4
	best, found := none, []int{}
	var any []int
	for _, s := range n.all {
		for _, f := range c.films[c.titles.key(s)] {
			any = append(any, f.work)
			class := c.class(f, n.year)
			if class < best {
				best, found = class, found[:0]
			}
			if class == best && class < none {
				found = append(found, f.work)
			}
		}
	}
	if ids := c.ids(found); len(ids) == 1 {
		return match{id: ids[0]}
	} else if len(ids) > 1 {
		return match{why: severalTitles, candidates: ids}
	}
	if len(any) > 0 {
		return match{why: wrongYear, candidates: c.ids(any)}
	}
	if near := c.near(n); len(near) > 0 {
		return match{why: fuzzyMatch, candidates: near}
	}
	return match{why: unknownTitle}
}

// class ranks a name against a row's year: 0 same year and title, 1 same year and other name, 2 and 3 the same one year off,
// 4 no match. A row without a year knows only 0 and 1; a work without a year counts as one year off.
func (c *Catalogue) class(f named, year int) int {
	class, own := 0, c.works[f.work].Year
	switch {
	case year == 0 || own == year:
	case own == 0, own == year-1, own == year+1:
		class = 2
	default:
		return 4
	}
	if !f.title {
		class++
	}
	return class
}

// ids gives the works' ids once each, sorted as text.
func (c *Catalogue) ids(works []int) []string {
	var out []string
	for _, w := range works {
		out = append(out, c.works[w].ID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// near finds films whose name is almost the row's, year within 1.
func (c *Catalogue) near(n name) []string {
	var works []int
	for _, s := range n.all {
		key := []rune(c.titles.key(s))
		if len(key) == 0 {
			continue
		}
		years := []int{n.year - 1, n.year, n.year + 1}
		if n.year == 0 {
			years = []int{0}
		}
		for _, y := range years {
			for _, other := range c.keys[y] {
				if !alike(key, []rune(other)) {
					continue
				}
				for _, f := range c.films[other] {
					if n.year == 0 || c.class(f, n.year) < 4 {
						works = append(works, f.work)
					}
				}
			}
		}
	}
	return c.ids(works)
}

// alike: 1 − distance/longer ≥ 0.85, the longer of at least six characters.
func alike(a, b []rune) bool {
	longer := max(len(a), len(b))
	most := longer * 15 / 100
	if longer < 6 || longer-min(len(a), len(b)) > most {
		return false
	}
	return distance(a, b) <= most
}

// distance is the optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

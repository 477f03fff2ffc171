package content

import (
	"cmp"
	"math"
	"slices"
)

// titlesOf counts, for each token, the titles that have it.
func (f *Field) titlesOf() map[string]int {
	df, last := map[string]int{}, map[string]int{}
	for i, list := range f.Titles {
		for _, t := range list {
			if at, seen := last[t.Text]; !seen || at != i {
				last[t.Text] = i
				df[t.Text]++
			}
		}
	}
	return df
}

// columns gives the tokens that are kept a column each, in the order of their texts.
func columns(df map[string]int, titles, least int, most float64) map[string]int {
	if most == 0 {
		most = 1
	}
	limit := most * float64(titles)
	var kept []string
	for text, n := range df {
		if n >= least && float64(n) <= limit {
			kept = append(kept, text)
		}
	}
	slices.Sort(kept)
	column := make(map[string]int, len(kept))
	for i, text := range kept {
		column[text] = i
	}
	return column
}

// sum adds equal tokens up and sorts them.
func sum(list []Token) []Token {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b Token) int { return cmp.Compare(a.Text, b.Text) })
	n := 0
	for i, t := range out {
		if i > 0 && t.Text == out[n-1].Text {
			out[n-1].Weight += t.Weight
			continue
		}
		out[n] = t
		n++
	}
	return out[:n]
}

// unit scales a row to length 1; an empty one stays.
func unit(row []float64) {
	var square float64
	for _, v := range row {
		square += v * v
	}
	if square == 0 {
		return
	}
	for i := range row {
		row[i] /= math.Sqrt(square)
	}
}

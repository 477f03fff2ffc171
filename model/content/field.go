package content

import (
	"fmt"
	"math"
)

// Token is one fact of a title, such as a word of its plot or the name of its director. Equal texts are the same fact.
type Token struct {
	Text   string
	Weight float64 // how much it counts, above 0
}

// Field is one kind of facts about titles.
type Field struct {
	Name   string
	Titles [][]Token // one list a title, any order; equal texts in a list add up
	// Weight is the root mean square length that the titles' rows of this field get: what it counts among the fields.
	Weight float64
	// Plain takes the weights as they are. Otherwise a token counts by TF-IDF: 1 + ln of its weight in the title (the
	// weight itself below 1), times 1 + ln((1+titles)/(1+titles that have it)).
	Plain bool
	// Least and Most leave out tokens that fewer titles than Least have, which tie nothing together, and those that more
	// than the share Most of them have: the stop words. Most 0 means 1, nothing is left out.
	Least int
	Most  float64
	// Components is how many numbers a title's row is brought down to by truncated SVD; 0 keeps a column for each token.
	Components int
}

// Limits of what is taken in.
const (
	MaxTitles     = 1 << 20
	MaxTokens     = 1 << 27 // of all fields
	MaxComponents = 1 << 10 // of a field, and its columns where it keeps them
	MaxNumbers    = 1 << 27 // titles times components or columns of a field
	MaxTokenBytes = 256
)

// check bounds a field for so many titles; left is how many tokens may still come.
func (f *Field) check(titles, left int) (tokens int, err error) {
	switch {
	case len(f.Titles) != titles:
		return 0, fmt.Errorf("lists for %d titles, want %d", len(f.Titles), titles)
	case !(f.Weight > 0 && f.Weight <= 1e3):
		return 0, fmt.Errorf("weight is %v, want above 0 to 1000", f.Weight)
	case !(f.Most >= 0 && f.Most <= 1):
		return 0, fmt.Errorf("largest share of titles is %v, want 0 to 1", f.Most)
	case f.Components < 0 || f.Components > MaxComponents:
		return 0, fmt.Errorf("%d components, want 0 to %d", f.Components, MaxComponents)
	case f.Components > MaxNumbers/titles:
		return 0, fmt.Errorf("%d components for %d titles: at most %d numbers", f.Components, titles, MaxNumbers)
	}
	for i, list := range f.Titles {
		if tokens += len(list); tokens > left {
			return 0, fmt.Errorf("more than %d tokens in all fields", MaxTokens)
		}
		for _, t := range list {
			if len(t.Text) == 0 || len(t.Text) > MaxTokenBytes {
				return 0, fmt.Errorf("title %d: a token of %d bytes, want 1 to %d", i, len(t.Text), MaxTokenBytes)
			}
			if !(t.Weight > 0 && t.Weight <= 1e6) {
				return 0, fmt.Errorf("title %d: token %.40q has weight %v, want above 0 to a million", i, t.Text, t.Weight)
			}
		}
	}
	return tokens, nil
}

// matrix is the field as a sparse matrix, titles × kept tokens, each row of unit length or zero. Columns are in the order
// of the tokens' texts, so that nothing depends on the order of a map.
func (f *Field) matrix() sparse {
	df := f.titlesOf()
	column := columns(df, len(f.Titles), max(1, f.Least), f.Most)
	m := sparse{rows: len(f.Titles), cols: len(column), start: make([]int, 1, len(f.Titles)+1)}
	for _, list := range f.Titles {
		at := len(m.col)
		for _, t := range sum(list) {
			if c, kept := column[t.Text]; kept {
				m.col, m.val = append(m.col, c), append(m.val, f.value(t.Weight, df[t.Text]))
			}
		}
		unit(m.val[at:])
		m.start = append(m.start, len(m.col))
	}
	return m
}

// value is what a token of so much weight in one title counts if df titles have it.
func (f *Field) value(weight float64, df int) float64 {
	if f.Plain {
		return weight
	}
	if weight > 1 {
		weight = 1 + math.Log(weight)
	}
	return weight * (1 + math.Log(float64(1+len(f.Titles))/float64(1+df)))
}

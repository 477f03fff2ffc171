package model

import (
	"cmp"
	"slices"
)

// Watch is one watched title.
type Watch struct {
	Item string // title id
	At   int64  // Unix seconds, 0 unknown
}

// Example is one watched title by its position in a layout.
type Example struct {
	Item int
	At   int64 // Unix seconds, 0 unknown
}

// Examples maps watches to the titles of the layout, oldest first, unknown times before all others, equal times in the given
// order. A title watched more than once counts once, at its first place. unknown is how many different titles the layout lacks.
func (l Layout) Examples(watches []Watch) (examples []Example, unknown int) {
	return examplesOf(l.Index(), watches)
}

func examplesOf(index map[string]int, watches []Watch) (examples []Example, unknown int) {
	sorted := slices.Clone(watches)
	slices.SortStableFunc(sorted, func(a, b Watch) int { return cmp.Compare(a.At, b.At) })
	seen := make(map[string]bool, len(sorted))
	for _, w := range sorted {
		if seen[w.Item] {
			continue
		}
		seen[w.Item] = true
		i, ok := index[w.Item]
		if !ok {
			unknown++
			continue
		}
		examples = append(examples, Example{Item: i, At: w.At})
	}
	return examples, unknown
}

package hostile

import (
	"slices"
	"strings"
)

// Attacks is the table of the specification's section 13, in its order.
func Attacks() []Attack {
	all := slices.Concat(attacksOnKeys(), attacksOnTheLog(), attacksOnSurvivors(), attacksOnTerms(), attacksOnPeople(), attacksOverTime(), attacksOnMoments(), attacksWithBytes())
	slices.SortFunc(all, func(a, b Attack) int { return strings.Compare(a.ID, b.ID) })
	return all
}

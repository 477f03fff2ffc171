package privacy

import "slices"

// RoundCharge is what one logged round of a question costs a device that takes part in it.
type RoundCharge struct {
	Round uint64
	Units Units
}

// WorstCase returns the most that any one device can have spent on a question: the largest sum of units over at most p of
// the rounds in charges that are pairwise at least b apart, capped at ceiling (design: privacy 8.3). Order does not matter;
// b = 0 asks for no distance. For equal rounds in a row it is min(p, ⌈rounds/b⌉)·units. Questions add up: the caller sums
// their worst cases and caps the sum. Time grows as rounds times min(p, rounds).
func WorstCase(charges []RoundCharge, p, b uint32, ceiling Units) Units {
	rounds := slices.Clone(charges)
	slices.SortFunc(rounds, func(x, y RoundCharge) int {
		if x.Round < y.Round {
			return -1
		}
		if x.Round > y.Round {
			return 1
		}
		return 0
	})
	before := spacedBefore(rounds, uint64(b))
	// most[i] is the best sum over the first i rounds with at most as many chosen as passes were made.
	most := make([]Units, len(rounds)+1)
	if uint64(p) >= uint64(len(rounds)) {
		// The count cannot bind: one pass that builds on itself.
		choose(most, most, rounds, before, ceiling)
		return most[len(rounds)]
	}
	next := make([]Units, len(rounds)+1)
	for range p {
		choose(next, most, rounds, before, ceiling)
		if next[len(rounds)] == most[len(rounds)] {
			break // one more round adds nothing, so two more add nothing
		}
		most, next = next, most
	}
	return most[len(rounds)]
}

// spacedBefore returns, for each round of the sorted list, how many rounds lie at least b before it.
func spacedBefore(rounds []RoundCharge, b uint64) []int {
	before := make([]int, len(rounds))
	far := 0
	for i, r := range rounds {
		for far < i && r.Round-rounds[far].Round >= b {
			far++
		}
		before[i] = far
	}
	return before
}

// choose fills next, given the best sums with one choice fewer: round i is left out, or taken on top of those before it.
func choose(next, most []Units, rounds []RoundCharge, before []int, ceiling Units) {
	next[0] = 0
	for i, r := range rounds {
		next[i+1] = max(next[i], most[before[i]].capped(r.Units, ceiling))
	}
}

package empirical

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Bound is what one attack proves.
type Bound struct {
	Canaries int
	Guesses  int     // of the rung that gave the bound
	Correct  int     // of these guesses
	Rungs    int     // numbers of guesses that were tried, each at its part of the significance
	Epsilon  float64 // the mechanism's ε is at least this, except with probability of the significance
}

// Ladder is how many of n canaries are guessed: a sixteenth, a quarter and all. With much noise a few confident guesses prove
// most, without any all of them do; and a number picked after looking would prove nothing. So all three are tried, each at a
// third of the significance.
func Ladder(n int) []int {
	rungs := []int{max(1, n/16), max(1, n/4), n}
	return slices.Compact(rungs)
}

// LowerBound guesses by scores which canaries were in, and bounds ε from how often that is right. A score above 0 says in, one
// below says out, and the farther from 0 the surer; where 0 lies may depend on scores, never on coins. For each rung, a number
// of guesses that was fixed before anybody looked, the surest so many are guessed. Each rung has its equal part of the
// significance, so the best of them may be kept (Bonferroni). delta is the mechanism's.
func LowerBound(scores []float64, in []bool, rungs []int, delta, significance float64) (Bound, error) {
	if err := checkGuesses(scores, in, rungs); err != nil {
		return Bound{}, err
	}
	order := surest(scores)
	best := Bound{Canaries: len(scores), Rungs: len(rungs)}
	for k, r := range rungs {
		correct := right(scores, in, order[:r])
		eps, err := EpsilonLower(len(scores), r, correct, delta, significance/float64(len(rungs)))
		if err != nil {
			return Bound{}, err
		}
		if k == 0 || eps > best.Epsilon {
			best.Guesses, best.Correct, best.Epsilon = r, correct, eps
		}
	}
	return best, nil
}

func checkGuesses(scores []float64, in []bool, rungs []int) error {
	switch {
	case len(scores) == 0 || len(scores) > MaxCanaries:
		return fmt.Errorf("guess canaries: %d scores are outside 1 to %d", len(scores), MaxCanaries)
	case len(in) != len(scores):
		return fmt.Errorf("guess canaries: %d scores for %d canaries", len(scores), len(in))
	case len(rungs) == 0:
		return errors.New("guess canaries: no number of guesses was fixed; Ladder gives some")
	}
	for i, s := range scores {
		if math.IsNaN(s) {
			return fmt.Errorf("guess canaries: score %d is not a number", i)
		}
	}
	for _, r := range rungs {
		if r < 1 || r > len(scores) {
			return fmt.Errorf("guess canaries: %d guesses are outside 1 to the %d canaries", r, len(scores))
		}
	}
	return nil
}

// surest lists canaries from the surest score to the least sure; equal ones in their own order.
func surest(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(scores[b]), math.Abs(scores[a])) })
	return order
}

// right counts the right ones among the guesses about some canaries. A score of 0 says out.
func right(scores []float64, in []bool, guessed []int) int {
	correct := 0
	for _, i := range guessed {
		if in[i] == (scores[i] > 0) {
			correct++
		}
	}
	return correct
}

// Centred moves scores so that their median is 0, for attacks that have no other measure of what is much.
func Centred(scores []float64) []float64 {
	sorted := slices.Sorted(slices.Values(scores))
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = s - (sorted[(len(sorted)-1)/2]+sorted[len(sorted)/2])/2
	}
	return out
}

package empirical

import (
	"fmt"
	"math"
)

// MaxCanaries bounds an audit: a bound takes time in proportion to the guesses, a few seconds at this many.
const MaxCanaries = 1 << 20

// EpsilonLower returns the largest ε that one run of an audit excludes (Steinke, Nasr, Jagielski, arXiv 2305.08846; design:
// privacy 14.2). canaries were each included on their own fair coin; the auditor guessed of guesses of them, a number fixed
// beforehand, whether they were in, and correct of these guesses were right. A mechanism that is (ε, delta)-differentially
// private for one canary gives such a result with probability at most
//
//	p(ε) = min(1, β + 2·canaries·δ · max over i = 1..v of P[v−i ≤ W < v]/i), β = P[W ≥ v],
//
// where v = correct and W is binomial over the guesses with success probability e^ε/(1+e^ε). The answer is the largest ε with
// p(ε) ≤ significance, rounded down, and 0 if no ε is excluded: at a significance of 0.05 the true ε is at least this
// large with 95 % confidence. delta lies in [0, 1), significance between 0 and 1, both excluded; 0 ≤ correct ≤ guesses ≤
// canaries ≤ MaxCanaries.
func EpsilonLower(canaries, guesses, correct int, delta, significance float64) (float64, error) {
	if err := checkAudit(canaries, guesses, correct, delta, significance); err != nil {
		return 0, err
	}
	plausible := func(epsilon float64) bool {
		return chance(canaries, guesses, correct, delta, epsilon) > significance
	}
	if correct == 0 || plausible(0) {
		return 0, nil
	}
	high := 1.0
	for !plausible(high) { // p tends to 1, and passes 1/2 before ε = ln(2·guesses)
		high *= 2
	}
	below, _ := rising(0, high, plausible)
	return below, nil
}

// chance returns p(epsilon). correct is at least 1.
func chance(canaries, guesses, correct int, delta, epsilon float64) float64 {
	w := logit(guesses, epsilon)
	p := math.Exp(w.logRange(correct, guesses))
	if delta == 0 || p >= 1 {
		return min(1, p)
	}
	worst, below := 0.0, 0.0 // below is P[v−i ≤ W < v]
	for i := 1; i <= correct; i++ {
		below += math.Exp(w.logMass(correct - i))
		worst = max(worst, below/float64(i))
	}
	return min(1, p+2*float64(canaries)*delta*worst)
}

func checkAudit(canaries, guesses, correct int, delta, significance float64) error {
	switch {
	case canaries < 1 || canaries > MaxCanaries:
		return fmt.Errorf("audit in one run: %d canaries are outside 1 to %d", canaries, MaxCanaries)
	case guesses < 1 || guesses > canaries:
		return fmt.Errorf("audit in one run: %d guesses are outside 1 to the %d canaries", guesses, canaries)
	case correct < 0 || correct > guesses:
		return fmt.Errorf("audit in one run: %d right guesses are outside 0 to the %d guesses", correct, guesses)
	case !(delta >= 0 && delta < 1):
		return fmt.Errorf("audit in one run: δ = %v is not at least 0 and below 1", delta)
	}
	return checkSignificance(significance)
}

func checkSignificance(significance float64) error {
	if !(significance > 0 && significance < 1) {
		return fmt.Errorf("significance %v does not lie between 0 and 1; 0.05 gives 95 %% confidence", significance)
	}
	return nil
}

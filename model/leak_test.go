package model

import (
	"math/rand/v2"
	"testing"
)

// TestNegativesMayBeWhatIsHeldOut guards against the leak of design accuracy 2 where training draws: whatever is not in the
// history it was given is drawn as often as anything else, the title that a judge holds out included. A sampler that spares
// it would tell.
func TestNegativesMayBeWhatIsHeldOut(t *testing.T) {
	m := mustOpen(t, start(t, NCFFamily, 40, 2).Layout).(*ncf)
	history, held := []int{3, 5, 8}, 9
	own := map[int]bool{}
	for _, item := range history {
		own[item] = true
	}
	rng := rand.New(rand.NewPCG(1, 2))
	counts := make([]int, 40)
	const draws = 37 * 400
	for range draws / 37 {
		for _, i := range m.negatives(37, own, rng) {
			counts[i]++
		}
	}
	for i, n := range counts {
		switch {
		case own[i] && n > 0:
			t.Errorf("title %d of the history was drawn %d times", i, n)
		case !own[i] && (n < 300 || n > 500):
			t.Errorf("title %d (held out: %v) was drawn %d times, expected about 400", i, i == held, n)
		}
	}
}

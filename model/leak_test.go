package model

import (
	"math/rand/v2"
	"testing"
)

// TestNegativesMayBeWhatIsHeldOut guards against the leak of design accuracy 2 where training draws: every title is drawn as
// often as any other, the one that a judge holds out included. A sampler that spares it would tell.
func TestNegativesMayBeWhatIsHeldOut(t *testing.T) {
	const items, each, times = 40, 37, 400
	var sample candidates
	rng := rand.New(rand.NewPCG(1, 2))
	counts := make([]int, items)
	for range times {
		sample.draw([]Cut{{Past: []int{3, 5, 8}, Next: []int{7}}}, Local{Negatives: each}, items, rng)
		if len(sample.items) != each+1 || sample.items[each] != 7 || sample.drawn != each {
			t.Fatalf("drew %v, %d of them negatives: want %d and the target", sample.items, sample.drawn, each)
		}
		for _, i := range sample.items[:each] {
			counts[i]++
		}
	}
	for i, n := range counts {
		if n < 280 || n > 460 { // five standard deviations
			t.Errorf("title %d was drawn %d times, expected about %d", i, n, each*times/items)
		}
	}
}

package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDropoutDrawsInOrder wants each item to be kept where its own draw is not below the dropout, and nothing to be drawn without one.
func TestDropoutDrawsInOrder(t *testing.T) {
	past := examples(9, 3, 7, 1, 0, 5, 2, 8, 4, 6)
	for _, dropout := range []float32{0, 1e-9, 0.3, 0.5, 0.999} {
		for seed := range uint64(50) {
			one, two := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 1))
			keep := append(make([]int, 0, 12), 41, 42)
			want := slices.Clone(keep)
			for _, e := range past {
				if dropout == 0 || one.Float32() >= dropout {
					want = append(want, e.Item)
				}
			}
			if got := left(keep, past, dropout, two); !slices.Equal(got, want) {
				t.Fatalf("dropout %v, seed %d: %v, want %v", dropout, seed, got, want)
			}
			if one.Uint64() != two.Uint64() {
				t.Fatalf("dropout %v, seed %d: as many draws were not made", dropout, seed)
			}
		}
	}
}

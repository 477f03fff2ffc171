package secagg

import (
	"errors"
	"math/bits"

	"github.com/cinesync/cinesync/cmd/internal/vectors"
)

var errOdd = errors.New("an even number is wanted: as many neighbours before as after")

// The exhaustive search behind mode W's threshold (secure aggregation 16): on a ring small enough to try every set of survivors,
// how often can a proper part of them be unmasked by itself, if each of its members needs only so many neighbours' answers?

// The largest rings that are searched: all survivor sets, and all splits of all survivor sets.
const (
	maxCutsRing     = 20
	maxWithheldRing = 14
)

// cuts makes the evaluation of a kind that counts at two thresholds, k/2 + 1 and k/2 answering neighbours.
func cuts(largest int, count func(ring []uint32, need int) int) func(in *vectors.Inputs) func() vectors.Answer {
	return func(in *vectors.Inputs) func() vectors.Answer {
		n := in.Whole("n", 3, int64(largest))
		k := in.Whole("degree", 2, int64(max(n-2, 2)))
		if k%2 != 0 {
			in.Wrong("degree", errOdd)
		}
		return func() vectors.Answer {
			r := ring(n, k)
			return vectors.Answer{Values: map[string]any{"isolating_cuts_at_half_plus_one": count(r, k/2+1), "isolating_cuts_at_half": count(r, k/2)}}
		}
	}
}

// ring gives each position's neighbours as a set of bits: the k/2 before and the k/2 after it.
func ring(n, k int) []uint32 {
	out := make([]uint32, n)
	for r := range out {
		for o := 1; o <= k/2; o++ {
			out[r] |= 1<<((r+o)%n) | 1<<((r+n-o)%n)
		}
	}
	return out
}

// isolatingCuts counts pairs of a survivor set and one of its components, where the survivors fall apart and every member of
// the component has at least need surviving neighbours: each of its secrets can be rebuilt, and its masks cancel within it.
func isolatingCuts(ring []uint32, need int) int {
	found := 0
	for s := uint32(1); s < 1<<len(ring); s++ {
		for left := s; left != 0; {
			c := component(ring, s, left&-left)
			left &^= c
			if c != s && all(c, func(r int) bool { return bits.OnesCount32(ring[r]&s) >= need }) {
				found++
			}
		}
	}
	return found
}

// component grows from a seed within s.
func component(ring []uint32, s, seed uint32) uint32 {
	c := seed
	for grown := uint32(0); grown != c; {
		grown = c
		for left := grown; left != 0; left &= left - 1 {
			c |= ring[bits.TrailingZeros32(left)] & s
		}
	}
	return c
}

// withheldCuts counts pairs of a survivor set and a proper part C of it, where the coordinator withholds every share across the
// cut. A member with a neighbour among the survivors on the other side did not mask with it, sees the lie, and stays silent
// (F13). Every member of C must have at least need answering neighbours.
func withheldCuts(ring []uint32, need int) int {
	found := 0
	for s := uint32(1); s < 1<<len(ring); s++ {
		for c := (s - 1) & s; c != 0; c = (c - 1) & s {
			if all(c, func(r int) bool { return bits.OnesCount32(ring[r]&answering(ring, s, c)) >= need }) {
				found++
			}
		}
	}
	return found
}

// answering are the members of c that see no lie. Those on the other side that see none are no neighbours of c.
func answering(ring []uint32, s, c uint32) uint32 {
	out := uint32(0)
	for left := c; left != 0; left &= left - 1 {
		if r := bits.TrailingZeros32(left); ring[r]&s&^c == 0 {
			out |= 1 << r
		}
	}
	return out
}

func all(set uint32, holds func(r int) bool) bool {
	for ; set != 0; set &= set - 1 {
		if !holds(bits.TrailingZeros32(set)) {
			return false
		}
	}
	return true
}

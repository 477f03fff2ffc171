package aggregation

import (
	"fmt"
	"math/bits"
	"testing"
)

// The search behind mode W (secure aggregation 16). A coordinator picks who survives, and may keep shares from crossing between
// any two groups of survivors. Whoever misses a neighbour's shares that the bitmap counts among the survivors stays silent (F13).
// A part of the honest survivors is cut off if every member of it has enough answers from its neighbours to be unmasked, and none
// of its masks is shared with the rest.

// masksOf gives each device's neighbours as a set of bits.
func masksOf(t *testing.T, n, k int) []uint32 {
	t.Helper()
	r, err := NewRing(n, 1, k, id(fmt.Sprint("cuts", n, k)))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint32, n)
	for i := range out {
		for _, j := range r.Neighbours(i) {
			out[i] |= 1 << j
		}
	}
	return out
}

// enough reports whether each device of part has at least need neighbours in answering.
func enough(near []uint32, part, answering uint32, need int) bool {
	for left := part; left != 0; left &= left - 1 {
		if bits.OnesCount32(near[bits.TrailingZeros32(left)]&answering) < need {
			return false
		}
	}
	return true
}

// countCuts goes through all survivor sets and all that can be cut off them. Without withholding, that is a component of the
// survivors' graph, and everyone answers.
func countCuts(near []uint32, need int, withhold bool) (found int) {
	for s := uint32(1); s < 1<<len(near); s++ {
		if withhold {
			for part := (s - 1) & s; part != 0; part = (part - 1) & s {
				if enough(near, part, quiet(near, s, part), need) {
					found++
				}
			}
			continue
		}
		for left := s; left != 0; {
			part := left & -left
			for grown := uint32(0); grown != part; {
				grown = part
				for m := grown; m != 0; m &= m - 1 {
					part |= near[bits.TrailingZeros32(m)] & s
				}
			}
			left &^= part
			if part != s && enough(near, part, part, need) {
				found++
			}
		}
	}
	return found
}

// quiet are the members of a part who see no lie: those without a survivor on the other side among their neighbours.
func quiet(near []uint32, s, part uint32) (out uint32) {
	for left := part; left != 0; left &= left - 1 {
		if i := bits.TrailingZeros32(left); near[i]&s&^part == 0 {
			out |= 1 << i
		}
	}
	return out
}

// TestNothingIsCutOffAtHalfPlusOne searches small rings whole: no set is cut off where k/2 + 1 honest answers are needed, and at
// k/2 there are as many as the design counts.
func TestNothingIsCutOffAtHalfPlusOne(t *testing.T) {
	for kind, withhold := range map[string]bool{"connectivity": false, "connectivity_withheld_shares": true} {
		for _, v := range graphVectors(t, kind) {
			near, half := masksOf(t, v.Inputs.N, v.Inputs.Degree), v.Inputs.Degree/2
			if got := countCuts(near, half+1, withhold); got != v.Expected.HalfPlusOne {
				t.Errorf("%s: %d cuts at k/2 + 1, want %d", v.ID, got, v.Expected.HalfPlusOne)
			}
			if got := countCuts(near, half, withhold); got != v.Expected.Half {
				t.Errorf("%s: %d cuts at k/2, want %d", v.ID, got, v.Expected.Half)
			}
		}
	}
	for n := 5; n <= 11; n++ {
		for k := 2; k < n-1; k += 2 {
			near := masksOf(t, n, k)
			if a, b := countCuts(near, k/2+1, false), countCuts(near, k/2+1, true); a+b > 0 {
				t.Errorf("n = %d, k = %d: %d cuts, %d with withheld shares", n, k, a, b)
			}
		}
	}
}

// TestThresholdOfAThousandIsTight puts walls of k/2 lost members on both sides of an arc, and as many corrupt ones into each wall as
// any device may have around it: one answer less than the threshold asks for would open the arc.
func TestThresholdOfAThousandIsTight(t *testing.T) {
	const n, from, length = 1000, 300, 400
	d, err := FindDegree(GraphParams{N: n, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: ModeW})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewRing(n, 1, d.K, id("tight"))
	if err != nil {
		t.Fatal(err)
	}
	a := d.T - d.K/2 - 1
	f := &field{near: make([][]int, n), corrupt: make([]bool, n), survive: make([]bool, n), side: make([]bool, n)}
	for i := range n {
		p := ring.Position(i)
		before, after := from-1-p, p-from-length // how deep in either wall, from the arc on
		deep := max(before, after)
		f.near[i] = ring.Neighbours(i)
		f.side[i] = deep < 0
		f.corrupt[i] = deep >= 0 && deep < a
		f.survive[i] = f.corrupt[i] || deep < 0 || deep >= d.K/2
	}
	if got := f.isolated(d.T); got > 0 {
		t.Errorf("%d parts come open at the threshold", got)
	}
	if got := f.isolated(d.T - 1); got != 2 {
		t.Errorf("%d parts come open at one less, want the arc and the rest", got)
	}
}

package aggregation

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// field is a cohort at the moment when the survivors are named: who is corrupt, whom the coordinator calls a survivor, and, where it
// withheld shares, on which side of the cut an honest member is. The coordinator chooses all of it (secure aggregation 16).
type field struct {
	near             [][]int
	corrupt, survive []bool
	side             []bool // members of different sides did not mask with each other; corrupt ones are on both
	trusting         bool   // members answer although they did not mask with a neighbour in the set: no F13
}

// masked reports whether two honest survivors have a pair mask with each other.
func (f *field) masked(i, j int) bool { return f.side[i] == f.side[j] }

// silent reports whether an honest survivor refuses to answer: too few neighbours in the set (F12), or one that it did not mask with
// (F13).
func (f *field) silent(i, t int) bool {
	near := 0
	for _, j := range f.near[i] {
		if !f.survive[j] {
			continue
		}
		near++
		if !f.corrupt[j] && !f.masked(i, j) && !f.trusting {
			return true
		}
	}
	return near < t
}

// isolated counts the groups of honest survivors that are joined by pair masks, whose every self mask the coordinator can rebuild, and
// that are not all of the honest survivors. Corrupt members answer everything.
func (f *field) isolated(t int) int {
	n := len(f.near)
	answers, honest := make([]bool, n), 0
	for i := range n {
		if f.survive[i] && !f.corrupt[i] {
			honest++
			answers[i] = !f.silent(i, t)
		}
	}
	open := make([]bool, n)
	for i := range n {
		got := 0
		if answers[i] {
			open[i] = true // a member may send its own secret with its answer
			continue
		}
		for _, j := range f.near[i] {
			if f.corrupt[j] || answers[j] {
				got++
			}
		}
		open[i] = got >= t
	}
	return f.groups(open, honest)
}

// groups goes through the components of the honest survivors' mask graph.
func (f *field) groups(open []bool, honest int) int {
	found, seen := 0, make([]bool, len(f.near))
	for i := range f.near {
		if seen[i] || f.corrupt[i] || !f.survive[i] {
			continue
		}
		seen[i] = true
		group, all := []int{i}, true
		for k := 0; k < len(group); k++ {
			all = all && open[group[k]]
			for _, j := range f.near[group[k]] {
				if !seen[j] && !f.corrupt[j] && f.survive[j] && f.masked(group[k], j) {
					seen[j] = true
					group = append(group, j)
				}
			}
		}
		if all && len(group) < honest {
			found++
		}
	}
	return found
}

// attack draws what a coordinator does that knows the graph: an arc between two walls of lost members, in which corrupt ones go on
// surviving; arcs and random losses on top; or any set at all. Half of the time it withheld shares across the arc too.
func (f *field) attack(at []int, k int, random *rand.Rand) {
	n := len(at)
	size := 1 + random.IntN(n-1)
	wall := []int{k / 2, k/2 - 1, random.IntN(k/2 + 1)}[random.IntN(3)]
	loss := []float64{0, 0, 0.05, 0.5}[random.IntN(4)]
	withhold := random.IntN(2) == 0
	for p, i := range at {
		inArc := p < size
		walled := p >= size && p < size+wall || p >= n-wall
		f.survive[i] = f.corrupt[i] || !walled && random.Float64() >= loss
		f.side[i] = withhold && inArc
	}
}

// TestNoCutIsolatesAtAThousand plays random attacks on rings of the size and the parameters that the specification lists, as the
// exhaustive search does on small ones. Under the threshold of mode W no part of the honest survivors comes open by itself; under one
// that corrupt neighbours can fill up, or without the last clause of F13, parts do.
func TestNoCutIsolatesAtAThousand(t *testing.T) {
	const n, rings, attacks = 1000, 4, 60
	for _, gamma := range []int{500, 1000} {
		p := GraphParams{N: n, GammaBP: gamma, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: ModeW}
		d, bounds, err := LeastRing(p)
		if err != nil {
			t.Fatal(err)
		}
		weak, trusting := 0, 0
		for r := range uint64(rings) {
			ring, err := NewRing(n, 1, d.K, id(fmt.Sprint("seed", gamma, r)))
			if err != nil {
				t.Fatal(err)
			}
			f := &field{near: make([][]int, n), corrupt: make([]bool, n), survive: make([]bool, n), side: make([]bool, n)}
			for i := range n {
				f.near[i], f.corrupt[i] = ring.Neighbours(i), i < n*gamma/basisPoints // chosen before the graph is drawn
			}
			for a := range uint64(attacks) {
				f.attack(turned(ring, n, int(a)*17), d.K, rand.New(rand.NewPCG(r, a)))
				if got := f.isolated(d.T); got > 0 {
					t.Errorf("γ = %d, ring %d, attack %d: %d parts come open by themselves at t = %d", gamma, r, a, got, d.T)
				}
				weak += f.isolated(d.K / 2)
				f.trusting = true
				trusting += f.isolated(d.T)
				f.trusting = false
			}
		}
		if weak == 0 || trusting == 0 {
			t.Errorf("γ = %d: %d parts at t = %d, %d without F13: these attacks show nothing", gamma, weak, d.K/2, trusting)
		}
		t.Logf("γ = %d: k = %d, a = %d: no part at t = %d, %d at t = %d, %d without F13", gamma, d.K, bounds.Corrupt, d.T, weak, d.K/2, trusting)
	}
}

// turned lists the ring's members in order from some position on.
func turned(r *Ring, n, by int) []int {
	out := make([]int, n)
	for i := range n {
		out[(r.Position(i)+by)%n] = i
	}
	return out
}

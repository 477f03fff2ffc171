package aggregation

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCohortsPartTheRing: every device is in one cohort, its neighbours are of the same, and neighbourhood is mutual.
func TestCohortsPartTheRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(1, 8).Draw(t, "cohorts")
		size := rapid.IntRange(MinDevices, 90).Draw(t, "size")
		k := size - 1
		if size > 4 && rapid.Bool().Draw(t, "sparse") {
			k = 2 * rapid.IntRange(1, (size-3)/2).Draw(t, "k")
		}
		n, seed := m*size, id(fmt.Sprint("seed", rapid.Int().Draw(t, "seed")))
		r, err := NewRing(n, m, k, seed)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int]bool{}
		for c := range m {
			members := r.Members(c)
			if len(members) != size || !slices.IsSorted(members) {
				t.Fatalf("cohort %d has %v", c, members)
			}
			xs := map[uint32]bool{}
			for _, i := range members {
				if seen[i] || r.Cohort(i) != c {
					t.Fatalf("device %d is in cohort %d too", i, r.Cohort(i))
				}
				seen[i], xs[r.ShareX(i)] = true, true
				near := r.Neighbours(i)
				if len(near) != k {
					t.Fatalf("device %d has %d neighbours, want %d", i, len(near), k)
				}
				for _, j := range near {
					if j == i || r.Cohort(j) != c || !slices.Contains(r.Neighbours(j), i) {
						t.Fatalf("devices %d and %d: not mutual", i, j)
					}
				}
			}
			if len(xs) != size || xs[0] || !xs[uint32(size)] {
				t.Fatalf("cohort %d: x are not 1 to %d", c, size)
			}
		}
		whole, err := NewRing(n, 1, n-1, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if whole.Position(i)/size != r.Cohort(i) || whole.Position(i)%size != r.Position(i) {
				t.Fatal("cohorts are not runs of the order of one cohort")
			}
		}
	})
}

// TestCohortsAreCutFromTheSlowRing derives places and neighbours of 24 devices in 3 cohorts from the order of 5.7 once more, for the
// complete graph and for a ring.
func TestCohortsAreCutFromTheSlowRing(t *testing.T) {
	const n, m, size = 24, 3, 8
	at := slowRing(t, n, id("seed"))
	for _, k := range []int{4, size - 1} {
		r, err := NewRing(n, m, k, id("seed"))
		if err != nil {
			t.Fatal(err)
		}
		for p, i := range at {
			block := at[p/size*size : p/size*size+size]
			if r.Cohort(i) != p/size || r.ShareX(i) != uint32(p%size+1) {
				t.Fatalf("device %d is at %d of cohort %d, want %d of %d", i, r.Position(i), r.Cohort(i), p%size, p/size)
			}
			offsets := []int{1, 2, 3, 4, 5, 6, 7}
			if k == 4 {
				offsets = []int{1, 2, 6, 7} // 6 and 7 are −2 and −1
			}
			var want []int
			for _, o := range offsets {
				want = append(want, block[(p%size+o)%size])
			}
			if got := r.Neighbours(i); !slices.Equal(got, want) {
				t.Fatalf("k = %d: device %d has neighbours %v, want %v", k, i, got, want)
			}
		}
	}
}

func TestCohortsThatCannotBeAreRefused(t *testing.T) {
	for _, c := range []struct{ n, m, k int }{{10, 3, 2}, {10, 0, 9}, {10, -1, 9}, {66, 33, 1}, {8, 4, 1}, {9, 3, 8}, {12, 2, 6}, {12, 2, 3}} {
		if r, err := NewRing(c.n, c.m, c.k, id("seed")); err == nil || r != nil {
			t.Errorf("%+v passes", c)
		}
	}
	for _, p := range []GraphParams{{N: 100, Cohorts: 3}, {N: 100, Cohorts: -1}, {N: 660, Cohorts: 33}, {N: 8, Cohorts: 4}} {
		p.Lambda, p.Eta, p.Mode, p.GammaBP = 40, 20, ModeW, 500
		if _, err := FindDegree(p); err == nil {
			t.Errorf("%+v has a degree", p)
		}
		if _, err := CohortCorrupt(p); err == nil {
			t.Errorf("%+v has a bound", p)
		}
	}
}

// slowTail is P[Hyp(n, marked, k) > x] by its definition.
func slowTail(n, marked, k, x int) *big.Rat {
	sum := new(big.Int)
	for i := x + 1; i <= min(marked, k); i++ {
		if k-i > n-marked {
			continue
		}
		term := new(big.Int).Binomial(int64(marked), int64(i))
		sum.Add(sum, term.Mul(term, new(big.Int).Binomial(int64(n-marked), int64(k-i))))
	}
	return new(big.Rat).SetFrac(sum, new(big.Int).Binomial(int64(n), int64(k)))
}

// TestCohortCorruptEqualsItsDefinition: the least x with P[Hyp(n, A, n/m) > x] ≤ 2^−(λ+1)/m.
func TestCohortCorruptEqualsItsDefinition(t *testing.T) {
	for _, c := range []struct{ n, m, gamma, lambda int }{{24, 2, 2500, 5}, {24, 4, 2500, 3}, {96, 3, 1000, 20}, {96, 8, 1000, 10}, {256, 4, 500, 40}, {512, 8, 500, 80}, {30, 2, 0, 40}} {
		p := GraphParams{N: c.n, GammaBP: c.gamma, DeltaBP: 1000, Lambda: c.lambda, Eta: 20, Mode: ModeW, Cohorts: c.m}
		got, err := CohortCorrupt(p)
		if err != nil {
			t.Fatal(err)
		}
		bound := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(new(big.Int).Lsh(big.NewInt(1), uint(c.lambda+1)), big.NewInt(int64(c.m))))
		want := 0
		for slowTail(c.n, c.n*c.gamma/basisPoints, c.n/c.m, want).Cmp(bound) > 0 {
			want++
		}
		if got != want {
			t.Errorf("%+v: %d, want %d", c, got, want)
		}
		p.Cohorts = 1
		if whole, err := CohortCorrupt(p); err != nil || whole != c.n*c.gamma/basisPoints {
			t.Errorf("%+v in one cohort: %d (%v)", c, whole, err)
		}
	}
}

// TestDegreesWithCohorts: the ring's bounds are those of the whole roster; the complete graph is of a cohort.
func TestDegreesWithCohorts(t *testing.T) {
	p := GraphParams{N: 1000, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: ModeW}
	whole, err := FindDegree(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Cohorts = 4 // of 250: the same ring fits
	if parts, err := FindDegree(p); err != nil || parts != whole || CheckDegree(p, parts) != nil {
		t.Errorf("four cohorts have %v, one has %v (%v)", parts, whole, err)
	}
	p.N, p.Cohorts = 96, 2 // of 48: complete
	d, err := FindDegree(p)
	if err != nil {
		t.Fatal(err)
	}
	corrupt, err := CohortCorrupt(p)
	if err != nil || d.K != 47 || d.T != (48+max(1, corrupt))/2+1 || CheckDegree(p, d) != nil {
		t.Errorf("two cohorts of 48 have %v with %d corrupt (%v)", d, corrupt, err)
	}
	for _, bad := range []Degree{{47, d.T - 1}, {47, d.T + 1}, {95, d.T}, {46, d.T}} {
		if CheckDegree(p, bad) == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

// TestCosignaturesDrawTheGraph: each of them counts, and their order.
func TestCosignaturesDrawTheGraph(t *testing.T) {
	open, roster := id("open"), id("roster")
	one, two := bytes.Repeat([]byte{1}, CosignatureSize), bytes.Repeat([]byte{2}, CosignatureSize)
	want := sha256.Sum256(slices.Concat([]byte("cinesync/csa1/graph"), open[:], roster[:], one, two))
	if GraphSeed(open, roster, one, two) != want {
		t.Error("the seed is not the hash of its parts")
	}
	seeds := [][32]byte{GraphSeed(open, roster), GraphSeed(open, roster, one), GraphSeed(open, roster, two), GraphSeed(open, roster, two, one), want, GraphSeed(open, roster, one, one)}
	for i := range seeds {
		if slices.Index(seeds, seeds[i]) != i {
			t.Errorf("seed %d is that of others", i)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a short cosignature passes")
		}
	}()
	GraphSeed(open, roster, one[1:])
}

// TestTrimmedMeanBoundsWhatOneCohortDoes puts anything into some of the means.
func TestTrimmedMeanBoundsWhatOneCohortDoes(t *testing.T) {
	if Trimmed(1) != 0 || Trimmed(2) != 0 || Trimmed(3) != 1 || Trimmed(7) != 1 || Trimmed(8) != 2 || Trimmed(32) != 8 {
		t.Error("other numbers are left out")
	}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(3, 12).Draw(t, "cohorts")
		trim, d := Trimmed(m), 3
		means := make([][]float32, m)
		low, high := make([]float32, d), make([]float32, d)
		for i := range means {
			wild := i < trim
			means[i] = make([]float32, d)
			for j := range d {
				v := rapid.Float32Range(-1, 1).Draw(t, "v")
				if wild {
					v = rapid.Float32().Draw(t, "wild")
				}
				means[i][j] = v
				if !wild && (i == trim || v < low[j]) {
					low[j] = v
				}
				if !wild && (i == trim || v > high[j]) {
					high[j] = v
				}
			}
		}
		got := TrimmedMean(means, trim)
		for j, v := range got {
			if v < low[j] || v > high[j] {
				t.Fatalf("coordinate %d is %v, the honest are from %v to %v", j, v, low[j], high[j])
			}
		}
		slices.Reverse(means)
		if !slices.Equal(TrimmedMean(means, trim), got) {
			t.Fatal("the order counts")
		}
	})
	if got := TrimmedMean([][]float32{{1}, {2}, {3}, {100}}, 1); got[0] != 2.5 {
		t.Errorf("%v, want 2.5", got)
	}
}

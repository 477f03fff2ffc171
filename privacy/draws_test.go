package privacy

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func newSource(seed uint64) *source { return &source{random: seeded(seed), next: sourceBytes} }

func TestBelowIsUniform(t *testing.T) {
	const n = 60_000
	for _, m := range []uint64{1, 2, 3, 5, 7, 60, 1000} {
		s := newSource(m)
		narrow, wide, mass := make([]int, m), make([]int, m), make([]float64, m)
		for range n {
			narrow[s.below32(uint32(m))]++
			wide[s.below64(m)]++
		}
		for i := range mass {
			mass[i] = 1 / float64(m)
		}
		if m > 1 {
			checkFit(t, fmt.Sprintf("32-bit draws below %d", m), narrow, mass)
			checkFit(t, fmt.Sprintf("64-bit draws below %d", m), wide, mass)
		}
	}
}

// With m just above half of the range nearly half of the products are rejected; without that the low third would be
// twice as likely as the rest.
func TestBelowIsUniformWhereRejectionMatters(t *testing.T) {
	const n = 30_000
	s := newSource(77)
	narrow, wide := make([]int, 3), make([]int, 3)
	for range n {
		narrow[s.below32(3<<30)>>30]++
		wide[s.below64(3<<62)>>62]++
	}
	third := []float64{1. / 3, 1. / 3, 1. / 3}
	checkFit(t, "thirds, 32-bit", narrow, third)
	checkFit(t, "thirds, 64-bit", wide, third)
}

func TestBelowStaysBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSource(rapid.Uint64().Draw(t, "seed"))
		m := rapid.Uint64Min(1).Draw(t, "m")
		if got := s.below64(m); got >= m {
			t.Fatalf("%d is not below %d", got, m)
		}
		k := max(uint32(m), 1)
		if got := s.below32(k); got >= k {
			t.Fatalf("%d is not below %d", got, k)
		}
	})
}

func TestExponentialCoins(t *testing.T) {
	const n = 40_000
	coins := []struct {
		name string
		p, q uint64
	}{
		{"zero", 0, 7}, {"small", 1, 1000}, {"half", 1, 2}, {"most", 99, 100}, {"one", 5, 5},
		{"above one", 3, 2}, {"several", 7, 2}, {"wide", 3 << 56, 1 << 57}, {"wide above", 3 << 57, 1 << 57},
	}
	for i, c := range coins {
		s := newSource(uint64(1000 + i))
		want := math.Exp(-float64(c.p) / float64(c.q))
		checkCoin(t, c.name, n, want, func() bool { return s.expRatio(c.p, c.q) })
		if c.p <= c.q && c.q < 1<<26 {
			checkCoin(t, c.name+", narrow", n, want, func() bool { return s.expSmallFraction(uint32(c.p), uint32(c.q)) })
		}
	}
	s := newSource(2000)
	checkCoin(t, "exp(−1)", n, math.Exp(-1), s.expOne)
}

func checkCoin(t *testing.T, name string, n int, want float64, toss func() bool) {
	t.Helper()
	heads := 0
	for range n {
		if toss() {
			heads++
		}
	}
	got, slack := float64(heads)/float64(n), 5*math.Sqrt(want*(1-want)/float64(n))
	if math.Abs(got-want) > slack {
		t.Errorf("%s: %.4f heads, want %.4f ± %.4f", name, got, want, slack)
	}
}

func TestHopelessCoinEndsAtOnce(t *testing.T) {
	s := newSource(3)
	for range 1000 {
		if s.expRatio(math.MaxUint64, 2) {
			t.Fatal("exp(−2^63) came up")
		}
	}
}

func TestLaplaceProposals(t *testing.T) {
	const n = 60_000
	g, err := NewGaussian(16, seeded(4)) // T = 5
	if err != nil {
		t.Fatal(err)
	}
	const reach = 25
	counts, mass := make([]int, 2*reach+1), make([]float64, 2*reach+1)
	// P(y) = (1−r)/(1+r)·r^|y| with r = exp(−1/T); the ends take the tails.
	r := math.Exp(-1.0 / 5)
	for y := -reach; y <= reach; y++ {
		mass[y+reach] = (1 - r) / (1 + r) * math.Pow(r, math.Abs(float64(y)))
	}
	mass[0] /= 1 - r
	mass[2*reach] /= 1 - r
	for drawn := 0; drawn < n; {
		if y, ok := g.laplace(); ok {
			counts[min(max(y, -reach), reach)+reach]++
			drawn++
		}
	}
	checkFit(t, "Laplace of scale 5", counts, mass)
}

func TestRoot(t *testing.T) {
	for r := uint64(1); r <= 1<<14; r++ {
		if root(r*r) != r || root(r*r-1) != r-1 {
			t.Fatalf("root of %d is %d, of one less %d", r*r, root(r*r), root(r*r-1))
		}
	}
}

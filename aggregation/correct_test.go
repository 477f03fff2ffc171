package aggregation

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCorrectStepsAroundLiars: up to ⌊(n−t)/2⌋ shares may be anything.
func TestCorrectStepsAroundLiars(t *testing.T) {
	s, other := newSecrets(t, "shared"), newSecrets(t, "other")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 23).Draw(t, "n")
		threshold := rapid.IntRange(1, n).Draw(t, "t")
		xs := rapid.SliceOfNDistinct(rapid.Uint32Min(1), n, n, rapid.ID[uint32]).Draw(t, "xs")
		m, _, err := s.Split(threshold, xs, source("polynomials"))
		if err != nil {
			t.Fatal(err)
		}
		liars := rapid.IntRange(0, (n-threshold)/2).Draw(t, "liars")
		lies, _, err := other.Split(threshold, xs, source("lies")) // consistent among themselves, the worst kind
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range rapid.Permutation(seq(n)).Draw(t, "who")[:liars] {
			m[at] = lies[at]
		}
		if got, err := Correct(threshold, xs, m); err != nil || got != s.m {
			t.Fatalf("n = %d, t = %d, %d liars: another secret (%v)", n, threshold, liars, err)
		}
	})
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestCorrectOfRubbishGivesNothingThatFits: beyond its reach it must not panic, and the commitment tells.
func TestCorrectOfRubbishGivesNothingThatFits(t *testing.T) {
	s := newSecrets(t, "shared")
	xs := []uint32{1, 2, 3, 4, 5, 6, 7}
	rng := rand.New(rand.NewPCG(1, 2))
	for liars := 3; liars <= 7; liars++ {
		m, b, err := s.Split(3, xs, source("polynomials"))
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range rng.Perm(7)[:liars] {
			m[at] = b[rng.IntN(7)]
		}
		if got, err := Correct(3, xs, m); err == nil && got == s.m {
			t.Errorf("%d liars of 7: corrected although only 2 can be", liars)
		}
	}
	zeros := make([]Share, 7)
	if got, err := Correct(3, xs, zeros); err != nil || got != [32]byte{} {
		t.Errorf("seven shares of zero: %x, %v", got, err)
	}
}

func TestCorrectRefusesWhatRecoverRefuses(t *testing.T) {
	s, xs := newSecrets(t, "shared"), []uint32{1, 2, 3}
	m, _, err := s.Split(2, xs, source("polynomials"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Correct(2, []uint32{1, 2, 1}, m); !errors.Is(err, errDuplicateX) {
		t.Errorf("duplicate: %v", err)
	}
	if _, err := Correct(2, []uint32{1, 0, 2}, m); !errors.Is(err, errZeroX) {
		t.Errorf("zero: %v", err)
	}
	for _, threshold := range []int{-1, 0, 4} {
		if _, err := Correct(threshold, xs, m); err == nil {
			t.Errorf("threshold %d accepted", threshold)
		}
	}
	bad := slices.Clone(m)
	bad[1] = Share(unhex(t, order))
	if _, err := Correct(2, xs, bad); !errors.Is(err, errScalar) {
		t.Errorf("not canonical: %v", err)
	}
}

// BenchmarkCorrect rebuilds from all n shares with as many wrong as can be; the baseline is Recover from t right ones.
func BenchmarkCorrect(b *testing.B) {
	s := newSecrets(b, "s")
	for _, c := range shareSizes {
		b.Run(c.name(), func(b *testing.B) {
			xs := make([]uint32, c.n)
			for i := range xs {
				xs[i] = uint32(i + 1)
			}
			m, lies, err := s.Split(c.t, xs, source("polynomials"))
			if err != nil {
				b.Fatal(err)
			}
			right := slices.Clone(m)
			copy(m, lies[:(c.n-c.t)/2])
			for b.Loop() {
				if got, err := Correct(c.t, xs, m); err != nil || got != s.m {
					b.Fatal(err)
				}
			}
			ratio(b, "x-of-recover", func() {
				if _, err := Recover(c.t, xs[:c.t], right[:c.t]); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

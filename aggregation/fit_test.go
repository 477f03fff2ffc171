package aggregation

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestFittedGridsAreValid: whatever is chosen passes the checks of a round, leaves room for peaks, and no smaller words would do.
func TestFittedGridsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, n := rapid.IntRange(1, 1<<22).Draw(t, "d"), rapid.IntRange(1, MaxDevices).Draw(t, "n")
		z := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.01, 20)).Draw(t, "z")
		least := rapid.Uint32Range(0, 5000).Draw(t, "least")
		g, sigmaSq, err := FitGrid(0.5, d, n, z, least)
		if err != nil {
			return
		}
		if err := g.Validate(n, sigmaSq); err != nil {
			t.Fatal(err)
		}
		if g.CInt < least || uint64(g.XMax)*10 < uint64(g.CInt) || math.Sqrt(float64(sigmaSq)) < z*float64(g.CInt)*(1-1e-12) {
			t.Fatalf("%+v with σ² = %d", g, sigmaSq)
		}
		if r, err := g.R(); err != nil || r < 0.9*float64(g.CInt) {
			t.Fatalf("R is %v of %d (%v)", r, g.CInt, err)
		}
		for _, bits := range []uint16{16, 24} {
			if bits >= g.WordBits {
				break
			}
			if _, _, err := FitWords(bits, 0.5, d, n, z, least); err == nil {
				t.Fatalf("%d bits would do, %d were chosen", bits, g.WordBits)
			}
		}
		bits, xMax := LeastWords(0, d, n, g.CInt, sigmaSq)
		if bits > g.WordBits || bits == g.WordBits && xMax != g.XMax {
			t.Fatalf("for the same grid %d bits and x_max %d are chosen, with %d and %d it was fitted", bits, xMax, g.WordBits, g.XMax)
		}
	})
}

// TestMostWordIsTheEdge of CheckWord.
func TestMostWordIsTheEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, bits := rapid.IntRange(1, MaxDevices).Draw(t, "n"), rapid.SampledFrom(wordSizes[:]).Draw(t, "bits")
		sigmaSq := rapid.OneOf(rapid.Uint64Range(0, 1<<26), rapid.Uint64()).Draw(t, "sigmaSq")
		most := MostWord(n, sigmaSq, bits)
		if most > 0 && CheckWord(n, most, sigmaSq, bits) != nil || CheckWord(n, most+1, sigmaSq, bits) == nil {
			t.Fatalf("%d members, σ² = %d, %d bits: %d", n, sigmaSq, bits, most)
		}
	})
}

// TestFitIsAsMeasured: the rounds whose cost in accuracy the decision gives.
func TestFitIsAsMeasured(t *testing.T) {
	for _, c := range []struct {
		d, n       int
		z          float64
		bits       uint16
		cInt, xMax uint32
	}{
		{125_370, 120, 0, 16, 2719, 273}, {125_370, 604, 0, 16, 532, 54}, {125_370, 604, 2, 16, 444, 45}, {125_370, 604, 4, 24, 2833, 2833},
		{125_370, 3020, 2.64, 24, 2833, 2762}, {125_370, 10_000, 2, 24, 2833, 835}, {125_370, 100_000, 33, 24, 812, 82}, {1_000_000, 131_072, 4, 32, 8000, 8000},
		{5_000, 24, 0.5, 16, 566, 566},
	} {
		g, _, err := FitGrid(0.5, c.d, c.n, c.z, 0)
		if err != nil || g.WordBits != c.bits || g.CInt != c.cInt || g.XMax != c.xMax {
			t.Errorf("%d words of %d members at z = %v: %d bits, C_int %d, x_max %d (%v), want %d, %d, %d", c.d, c.n, c.z, g.WordBits, g.CInt, g.XMax, err, c.bits, c.cInt, c.xMax)
		}
	}
	if _, _, err := FitGrid(0.5, 1<<28, MaxDevices, 1, 0); err == nil {
		t.Error("no words carry it, and some were chosen")
	}
	for _, z := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, _, err := FitGrid(0.5, 10, 10, z, 0); err == nil {
			t.Errorf("noise %v was taken", z)
		}
	}
	if bits, xMax := LeastWords(24, 5000, 24, 567, 100); bits != 24 || xMax != 567 {
		t.Errorf("from 24 bits on %d bits and x_max %d were chosen", bits, xMax)
	}
	if bits, xMax := LeastWords(0, 125_370, 604, 2834, 0); bits != 24 || xMax != 2834 {
		t.Errorf("a fine grid is cut at %d in %d bits", xMax, bits)
	}
}

package privacy

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestBlocksGiveTheBitsOfTheWhole cuts a vector anywhere, clips it and adds noise to it.
func TestBlocksGiveTheBitsOfTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float32Range(-1e3, 1e3), 1, 40).Draw(t, "v")
		c := rapid.Float32Range(1e-3, 1e4).Draw(t, "c")
		cut := rapid.IntRange(0, len(v)).Draw(t, "cut")
		want, got := slices.Clone(v), slices.Clone(v)
		norm, err := Clip(want, c)
		if err != nil {
			t.Fatal(err)
		}
		k, err := NewClipper(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range [][]float32{got[:cut], got[cut:]} {
			if err := k.Measure(block); err != nil {
				t.Fatal(err)
			}
		}
		k.Scale(got[cut:]) // in any order
		k.Scale(got[:cut])
		if !slices.Equal(got, want) || k.Norm() != norm {
			t.Fatalf("norm %v, want %v", k.Norm(), norm)
		}
		x := make([]int32, len(v))
		for i := range x {
			x[i] = int32(v[i])
		}
		whole, err := Perturb(x, 1000, NewStream([32]byte{1}))
		if err != nil {
			t.Fatal(err)
		}
		g, err := NewGaussian(1000, NewStream([32]byte{1}))
		if err != nil {
			t.Fatal(err)
		}
		parts := make([]uint32, len(x))
		for i, v := range x {
			parts[i] = uint32(v)
		}
		for _, p := range [][2]int{{0, cut}, {cut, len(x)}} {
			if err := g.Perturb(parts[p[0]:p[1]]); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(parts, whole) {
			t.Fatal("other noise")
		}
	})
}

func TestClipperRefusesWhatClipRefuses(t *testing.T) {
	for _, c := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1))} {
		if _, err := NewClipper(c); err == nil {
			t.Errorf("a clip of %v was taken", c)
		}
	}
	k, err := NewClipper(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Measure([]float32{1, 2}); err != nil {
		t.Fatal(err)
	}
	if err := k.Measure([]float32{3, float32(math.NaN())}); err == nil || err.Error() != "clip update: coordinate 3 is NaN" {
		t.Errorf("%v", err)
	}
}

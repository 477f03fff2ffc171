package topk

import (
	"slices"
	"testing"

	"github.com/cinesync/cinesync/serve/rank"
	"pgregory.net/rapid"
)

func TestAMaskGoesOnce(t *testing.T) {
	a, b := make(rank.Mask, 2), make(rank.Mask, 2)
	which, sets := masks([]rank.Mask{nil, a, b, a, nil, b}, 6)
	if !slices.Equal(which, []int32{-1, 0, 1, 0, -1, 1}) || len(sets) != 2 {
		t.Errorf("%v of %d masks", which, len(sets))
	}
	if which, sets := masks(nil, 2); !slices.Equal(which, []int32{-1, -1}) || sets != nil {
		t.Errorf("without masks: %v of %d", which, len(sets))
	}
}

func TestHalfExponent(t *testing.T) {
	for _, c := range []struct {
		greatest float32
		want     int
	}{{0, 0}, {1, 13}, {1.99, 13}, {2, 12}, {0x1p-149, 162}, {0x1.fffffep127, -114}, {-0, 0}} {
		if got := halfExponent(c.greatest); got != c.want {
			t.Errorf("%v: %d, want %d", c.greatest, got, c.want)
		}
	}
	if got := greatest([]float32{1, -3, 2}); got != 3 {
		t.Errorf("greatest size %v, want 3", got)
	}
}

func TestBarringFindsEveryWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rank.Mask(rapid.SliceOfN(rapid.SampledFrom([]uint64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 << 63}), 0, 70).Draw(t, "mask"))
		var got, want []int
		for j := barring(m, 0); j < len(m); j = barring(m, j+1) {
			got = append(got, j)
		}
		for j, word := range m {
			if word != 0 {
				want = append(want, j)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("words %v, want %v", got, want)
		}
	})
}

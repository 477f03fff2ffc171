package aggregation

import (
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRoundingInBlocksGivesTheBitsOfOnce compares with a plain rounding of the whole, drawn again as often as it exceeds the
// bound.
func TestRoundingInBlocksGivesTheBitsOfOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom([]int{1, 100, quantiseWords - 1, quantiseWords, quantiseWords + 1, 2*quantiseWords + 5}).Draw(t, "d")
		c := uint32(math.Ceil(8*math.Sqrt(float64(d)))) + 1
		g := Grid{C: 1, CInt: c, XMax: c, D: d, WordBits: 32}
		update := make([]float32, d)
		for i := range update {
			update[i] = float32(rapid.IntRange(-100, 100).Draw(t, "v")) / float32(100*math.Sqrt(float64(d)))
		}
		var x []int32
		passes := 0
		write := func(block []int32, from int) error {
			if from == 0 {
				x, passes = x[:0], passes+1
			}
			x = append(x, block...)
			return nil
		}
		read := func(block []float32, from int) error { copy(block, update[from:]); return nil }
		if err := g.QuantiseStream(read, write, source("coins")); err != nil {
			t.Fatal(err)
		}
		want, err := g.Quantise(update, source("coins"))
		if err != nil || !slices.Equal(x, want) {
			t.Fatalf("blocks differ from the whole (%v)", err)
		}
		var sum uint64
		for _, v := range x {
			sum += uint64(int64(v) * int64(v))
		}
		if sum > uint64(c)*uint64(c) {
			t.Fatalf("Σx² = %d, above %d", sum, uint64(c)*uint64(c))
		}
	})
}

func TestRoundingInBlocksPassesErrorsOn(t *testing.T) {
	g := Grid{C: 1, CInt: 200, XMax: 200, D: 400, WordBits: 32}
	broken := errors.New("disk")
	fine := func([]float32, int) error { return nil }
	drop := func([]int32, int) error { return nil }
	for name, err := range map[string]error{
		"read":  g.QuantiseStream(func([]float32, int) error { return broken }, drop, source("coins")),
		"write": g.QuantiseStream(fine, func([]int32, int) error { return broken }, source("coins")),
		"coins": g.QuantiseStream(fine, drop, io.LimitReader(source("coins"), 100)),
	} {
		if err == nil || name != "coins" && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nan := func(block []float32, from int) error { block[3] = float32(math.NaN()); return nil }
	if err := g.QuantiseStream(nan, drop, source("coins")); err == nil {
		t.Error("NaN is rounded")
	}
}

// TestRoundingInBlocksTakesFixedMemory counts allocations of vectors of very different lengths.
func TestRoundingInBlocksTakesFixedMemory(t *testing.T) {
	bytes := func(d int) uint64 {
		c := uint32(math.Ceil(8*math.Sqrt(float64(d)))) + 1
		g := Grid{C: 1, CInt: c, XMax: c, D: d, WordBits: 32}
		res := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_ = g.QuantiseStream(func([]float32, int) error { return nil }, func([]int32, int) error { return nil }, zeros{})
			}
		})
		return res.MemBytes / uint64(res.N)
	}
	if small, large := bytes(quantiseWords), bytes(64*quantiseWords); large > small+4096 {
		t.Errorf("%d bytes for 64 times the words, %d for one", large, small)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

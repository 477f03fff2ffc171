package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/internal/lanes"
)

// plainQuantise is the quantiser as it would be written for a vector in memory: round everything, look at the norm, draw
// again, at last truncate. It gives nil for a vector that no rounding fits.
func plainQuantise(g Grid, update []float32, source io.Reader) []int32 {
	x, limit := make([]int32, len(update)), float64(g.XMax)*65536
	for try := range 10 {
		coins := make([]byte, 2*len(update))
		if try < 9 {
			key := make([]byte, 16)
			if _, err := io.ReadFull(source, key); err != nil {
				return nil
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				return nil
			}
			cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(coins, coins)
		}
		for i, v := range update {
			scaled := math.RoundToEven(max(-limit, min(limit, float64(v*(65536*float32(g.Scale()))))))
			if try == 9 {
				x[i] = int32(math.Trunc(scaled / 65536))
			} else {
				x[i] = int32(math.Floor((scaled + float64(binary.LittleEndian.Uint16(coins[2*i:]))) / 65536))
			}
		}
		if g.holds(x) {
			return x
		}
	}
	return nil
}

// TestRoundingInBlocksGivesTheBitsOfOnce compares with a plain rounding of the whole, for words of every size.
func TestRoundingInBlocksGivesTheBitsOfOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom([]int{200, quantiseWords - 1, quantiseWords, quantiseWords + 1, 2*quantiseWords + 5}).Draw(t, "d")
		g := Grid{C: 1, CInt: uint32(math.Ceil(8*math.Sqrt(float64(d)))) + 1, D: d, WordBits: rapid.SampledFrom([]uint16{32, 24, 16}).Draw(t, "bits")}
		g.XMax = g.CInt
		if g.WordBits < 32 {
			g.CInt, g.XMax = g.CInt/4, rapid.Uint32Range(1, 6).Draw(t, "x_max")
		}
		if err := g.Validate(10, 1); err != nil {
			t.Fatal(err)
		}
		update, random := make([]float32, d), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "update"), 1))
		for i := range update {
			update[i] = float32(random.Float64()*2-1) / float32(math.Sqrt(float64(d)))
		}
		seed := fmt.Sprint(rapid.Uint64().Draw(t, "coins"))
		want := plainQuantise(g, update, source(seed))
		if want == nil {
			t.Fatal("the plain quantiser finds nothing for a clipped update")
		}
		if x, err := stream(g, update, source(seed)); err != nil || !slices.Equal(x, want) {
			t.Fatalf("blocks differ from the whole (%v)", err)
		}
	})
}

// TestWideRoundingGivesTheSameBits: the rounding for words of any size, where both can; and beyond it holds words to x_max.
func TestWideRoundingGivesTheSameBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrid(t)
		r, err := newRounder(g)
		if err != nil {
			t.Fatal(err)
		}
		r.unit = rapid.Float32Range(1e-3, 1e9).Draw(t, "unit")
		in := rapid.SliceOfN(rapid.OneOf(rapid.Float32(), rapid.Float32Range(-1, 1), rapid.Float32Range(-1e-6, 1e-6)), 1, 50).Draw(t, "in")
		for i, v := range in {
			if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
				in[i] = 1
			}
		}
		coins := pattern(rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "coins"))
		got, wide := make([]int32, len(in)), make([]int32, len(in))
		small, err := r.rounded(got, in, 0, coins.stream())
		if err != nil {
			t.Fatal(err)
		}
		r.roundWide(wide, in, r.coins[:])
		if !slices.Equal(got, wide) {
			t.Fatalf("%v and %v from %v", got, wide, in)
		}
		for i, v := range wide {
			if small && max(v, -v) > lanes.Most {
				t.Fatalf("%d among words that are called small", v)
			}
			want := float64(in[i]*r.unit) / 65536
			if far := float64(g.XMax) + 1; math.Abs(want) > far && int64(v) != int64(math.Copysign(float64(g.XMax), want)) ||
				math.Abs(want) <= far-2 && math.Abs(float64(v)-want) > 1 {
				t.Fatalf("%v is rounded to %d on %+v", want, v, g)
			}
		}
	})
}

// TestRoundingIsGivenUpInItsMidst: nines everywhere exceed the bound in the third of four blocks. What was written is replaced by the
// next rounding.
func TestRoundingIsGivenUpInItsMidst(t *testing.T) {
	const d = 3*quantiseWords + 7
	g := Grid{C: 1, CInt: uint32(math.Ceil(8 * math.Sqrt(d))), D: d, WordBits: 32}
	g.XMax = g.CInt
	update := slices.Repeat([]float32{float32(8.5 / g.Scale())}, d)
	want := slices.Repeat([]int32{8}, d)
	if x, err := g.toss(t, update, every(up)); err != nil || !slices.Equal(x, want) {
		t.Fatalf("coins that always round up: not truncated in the end (%v)", err)
	}
	want[0] = 9
	lucky := make([]byte, 2*d)
	copy(lucky, []byte{0xff, 0xff})
	if x, err := g.toss(t, update, &script{coins: [][]byte{up, lucky}}); err != nil || !slices.Equal(x, want) {
		t.Fatalf("one unlucky rounding, then one up and the rest down: not found (%v)", err)
	}
}

// stream quantises a vector in blocks, and keeps what the last pass wrote.
func stream(g Grid, update []float32, coins io.Reader) (x []int32, err error) {
	read := func(block []float32, from int) error { copy(block, update[from:]); return nil }
	write := func(block []int32, from int) error {
		x = append(x[:from], block...)
		return nil
	}
	err = g.QuantiseStream(read, write, coins)
	return x, err
}

func TestRoundingInBlocksPassesErrorsOn(t *testing.T) {
	g := Grid{C: 1, CInt: 200, XMax: 200, D: 400, WordBits: 32}
	broken := errors.New("disk")
	fine := func([]float32, int) error { return nil }
	drop := func([]int32, int) error { return nil }
	for name, err := range map[string]error{
		"read":  g.QuantiseStream(func([]float32, int) error { return broken }, drop, source("coins")),
		"write": g.QuantiseStream(fine, func([]int32, int) error { return broken }, source("coins")),
		"coins": g.QuantiseStream(fine, drop, io.LimitReader(source("coins"), 15)),
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

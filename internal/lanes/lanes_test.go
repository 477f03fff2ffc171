package lanes

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// awkward draws numbers, those often at which rounding may go wrong.
func awkward() *rapid.Generator[float32] {
	return rapid.OneOf(rapid.Float32Range(-1, 1), rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32),
		rapid.SampledFrom([]float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -0x1p-126, 0.5, -0.5, 1.5, 32767, -32768, 1e9}))
}

func anyFloats() *rapid.Generator[[]float32] { return rapid.SliceOfN(awkward(), 0, 100) }

// TestSquaresGoToTheirLanes wherever a vector is cut.
func TestSquaresGoToTheirLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyFloats().Draw(t, "x")
		var want, got Lanes
		for i, v := range x {
			want[i%Width] += float64(v) * float64(v)
		}
		for from := 0; from < len(x); {
			to := rapid.IntRange(from+1, len(x)).Draw(t, "to")
			AddSquares(&got, x[from:to], from)
			from = to
		}
		if got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
	l := Lanes{1e16, 1, 0, 0, 0, 0, 0, 0, -1e16, 1}
	if got := l.Total(); got != 2 {
		t.Errorf("lanes add up to %v, want 2: halves upon halves", got)
	}
}

func TestScaledValuesAreRoundedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, by := anyFloats().Draw(t, "x"), rapid.Float32Range(-2, 2).Draw(t, "by")
		got := slices.Clone(x)
		Scale(got, by)
		for i, v := range x {
			want, _ := new(big.Float).SetPrec(60).Mul(big.NewFloat(float64(v)), big.NewFloat(float64(by))).Float32()
			if math.Float32bits(got[i]) != math.Float32bits(want) {
				t.Fatalf("%v times %v is %v, want %v", v, by, got[i], want)
			}
		}
	})
}

// TestRoundIsTheFloorOfSumAndCoin computes in float64, where all of it is exact.
func TestRoundIsTheFloorOfSumAndCoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyFloats().Draw(t, "x")
		coins := rapid.SliceOfN(rapid.Byte(), 2*len(x), 2*len(x)).Draw(t, "coins")
		unit := rapid.OneOf(rapid.Float32Range(1, 1e9), rapid.Just(float32(1<<16))).Draw(t, "unit")
		limit := rapid.Int32Range(1, Most).Draw(t, "limit")
		got, most := make([]int32, len(x)), uint32(0)
		if bits := Round(got, x, coins, unit, limit); len(x) > 0 {
			for _, v := range x {
				most = max(most, Magnitude(v))
			}
			if bits != most {
				t.Fatalf("the greatest magnitude is %x, want %x", bits, most)
			}
		}
		for i, v := range x {
			p := min(max(float64(v*unit), -65536*float64(limit)), 65536*float64(limit))
			want := math.Floor((math.RoundToEven(p) + float64(binary.LittleEndian.Uint16(coins[2*i:]))) / 65536)
			if float64(got[i]) != want {
				t.Fatalf("%v on %v is rounded to %d, want %v", v, unit, got[i], want)
			}
		}
	})
}

// TestRoundTellsWhatIsNoNumber wherever it stands.
func TestRoundTellsWhatIsNoNumber(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for at := range 40 {
			x := make([]float32, 40)
			x[at] = float32(bad)
			if most := Round(make([]int32, 40), x, make([]byte, 80), 1, 1); most <= Magnitude(math.MaxFloat32) {
				t.Errorf("%v at %d is taken for a number", bad, at)
			}
		}
	}
}

func TestIntegersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		x := rapid.SliceOfN(rapid.Int32Range(-Most, Most), n, n).Draw(t, "x")
		dst := rapid.SliceOfN(rapid.Int32(), n, n).Draw(t, "dst")
		sum, got := uint64(0), slices.Clone(dst)
		for _, v := range x {
			sum += uint64(int64(v) * int64(v))
		}
		if s := SquaresOf(x); s != sum {
			t.Fatalf("squares of %v: %d, want %d", x, s, sum)
		}
		Add(got, x)
		for i := range got {
			if got[i] != dst[i]+x[i] {
				t.Fatalf("%d + %d = %d", dst[i], x[i], got[i])
			}
		}
		Sub(got, x)
		if !slices.Equal(got, dst) {
			t.Fatal("taken off again, something is left")
		}
	})
	if s := SquaresOf(slices.Repeat([]int32{Most}, 1<<16)); s != Most*Most<<16 {
		t.Errorf("squares of many: %d", s)
	}
}

// TestEveryFormGivesTheSameBits compares what this processor can run with plain Go, and looks for writes beyond the end.
func TestEveryFormGivesTheSameBits(t *testing.T) {
	forms := levels()
	t.Logf("forms %v", forms)
	rapid.Check(t, func(t *rapid.T) {
		n := Width * rapid.IntRange(1, 9).Draw(t, "groups")
		x := rapid.SliceOfN(awkward(), n+Width, n+Width).Draw(t, "x")
		coins := rapid.SliceOfN(rapid.Byte(), 2*n, 2*n).Draw(t, "coins")
		words := rapid.SliceOfN(rapid.Int32(), 2*n+Width, 2*n+Width).Draw(t, "words")
		unit := rapid.OneOf(rapid.Float32Range(1e-9, 1e9), rapid.Just(float32(1<<16))).Draw(t, "unit")
		limit := float32(rapid.Int32Range(1, Most).Draw(t, "limit")) * 65536
		all := func(l level) (sums Lanes, scaled []float32, out, sum []int32, most uint32, squares uint64) {
			sums, scaled, out, sum = Lanes{1, 2, 3}, slices.Clone(x), slices.Clone(words[n:]), slices.Clone(words[n:])
			l.addSquares(&sums, x[:n])
			l.scale(scaled[:n], unit)
			most = l.round(out[:n], x[:n], coins, unit, limit)
			l.add(sum[:n], words[:n])
			return sums, scaled, out, sum, most, l.squares(words[:n])
		}
		sums, scaled, out, sum, most, squares := all(portable)
		for _, l := range forms {
			gotSums, gotScaled, gotOut, gotSum, gotMost, gotSquares := all(l)
			if gotSums != sums || !slices.EqualFunc(gotScaled, scaled, sameBits) || !slices.Equal(gotOut, out) || !slices.Equal(gotSum, sum) || gotMost != most || gotSquares != squares {
				t.Fatalf("form %d: %v %v %v %v %x %d, want %v %v %v %v %x %d", l, gotSums, gotScaled, gotOut, gotSum, gotMost, gotSquares, sums, scaled, out, sum, most, squares)
			}
		}
	})
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

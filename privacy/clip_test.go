package privacy

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// normWithin says exactly whether ‖x‖₂ ≤ c. The squares and the sum are held without rounding: 2·149 bits below the point,
// 2·128 above it and some for the carries.
func normWithin(x []float32, c float32) bool {
	const exact = 640
	sum, v := new(big.Float).SetPrec(exact), new(big.Float).SetPrec(exact)
	for _, f := range x {
		v.SetFloat64(float64(f))
		sum.Add(sum, v.Mul(v, v))
	}
	v.SetFloat64(float64(c))
	return sum.Cmp(v.Mul(v, v)) <= 0
}

// anyFloat draws from every finite float32, with the awkward ones often.
func anyFloat() *rapid.Generator[float32] {
	negativeZero := float32(math.Copysign(0, -1))
	return rapid.OneOf(
		rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32),
		rapid.Float32Range(-1, 1),
		rapid.SampledFrom([]float32{
			0, negativeZero, 1, -1, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, math.MaxFloat32,
			-math.MaxFloat32, 0x1p-126, 0x1.fffffcp-127, 0x1p-140, 0x1p64, -0x1p65, 1e-20, 3e38,
		}),
	)
}

func anyBound() *rapid.Generator[float32] {
	return rapid.OneOf(
		rapid.Float32Range(1e-3, 1e3),
		rapid.SampledFrom([]float32{LeastClip, 0x1p-63, 1e-15, 1, 1e15, MostClip}),
	)
}

func TestClippedNormIsNeverAboveTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(anyFloat(), 0, 60).Draw(t, "update")
		c := anyBound().Draw(t, "c")
		before := slices.Clone(x)
		norm, err := Clip(x, c)
		if err != nil {
			t.Fatal(err)
		}
		if !normWithin(x, c) {
			t.Fatalf("norm of %v is above %v", x, c)
		}
		if norm <= float64(c)*(1-2*clipMargin) && !slices.Equal(x, before) {
			t.Fatalf("a vector of norm %v within %v was changed", norm, c)
		}
		for i := range x {
			// Shrunk, never turned; a smaller float32 may have become zero.
			if math.Abs(float64(x[i])) > math.Abs(float64(before[i])) || x[i]*before[i] < 0 {
				t.Fatalf("coordinate %d went from %v to %v", i, before[i], x[i])
			}
		}
	})
}

// TestClippedNormAtTheEdge: norms from just within the bound to a thousandth above it, where a margin that is left out shows.
func TestClippedNormAtTheEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float32Range(-1, 1), 1, 60).Draw(t, "update")
		x[0] += 2 // some length
		c := anyBound().Draw(t, "c")
		if c < 1e-15 || c > 1e15 {
			c = 1
		}
		var square float64
		for _, v := range x {
			square += float64(v) * float64(v)
		}
		by := float64(c) / math.Sqrt(square) * (1 + rapid.Float64Range(-1e-6, 1e-3).Draw(t, "over"))
		for i, v := range x {
			x[i] = float32(float64(v) * by)
		}
		if _, err := Clip(x, c); err != nil {
			t.Fatal(err)
		}
		if !normWithin(x, c) {
			t.Fatalf("norm of %v is above %v", x, c)
		}
	})
}

func TestClipKeepsLengthAndDirection(t *testing.T) {
	x := make([]float32, 10_000)
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	before := slices.Clone(x)
	norm, err := Clip(x, 2)
	if err != nil {
		t.Fatal(err)
	}
	var after float64
	for i := range x {
		after += float64(x[i]) * float64(x[i])
		if want := float64(before[i]) * 2 / norm; math.Abs(float64(x[i])-want) > 1e-6*math.Abs(want) {
			t.Fatalf("coordinate %d is %v, want %v", i, x[i], want)
		}
	}
	if got := math.Sqrt(after); got > 2 || got < 2*(1-1e-6) {
		t.Errorf("clipped norm is %v, want just below 2", got)
	}
	if !normWithin(x, 2) {
		t.Error("the exact norm is above the bound")
	}
}

// TestClippedCoordinatesAreProducts compares with big.Float: one factor of 24 bits, and each product rounded once.
func TestClippedCoordinatesAreProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(anyFloat(), 1, 40).Draw(t, "x")
		c := anyBound().Draw(t, "c")
		k, err := NewClipper(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Measure(x); err != nil {
			t.Fatal(err)
		}
		if k.Within() {
			return
		}
		factor := float64(c) * (1 - scaleMargin) / k.Norm()
		short, _ := new(big.Float).SetPrec(24).SetFloat64(factor).Float64()
		got := slices.Clone(x)
		k.Scale(got)
		for i, v := range x {
			product, _ := new(big.Float).SetPrec(100).Mul(big.NewFloat(float64(v)), big.NewFloat(short)).Float32()
			if short < 0x1p-126 { // the factor has all its bits then
				product = float32(float64(v) * factor)
			}
			if math.Float32bits(got[i]) != math.Float32bits(product) {
				t.Fatalf("%v times %v is %v, want %v", v, short, got[i], product)
			}
		}
	})
}

// TestNormIsOfSixteenLanes computes it in the plainest way, for vectors cut anywhere.
func TestNormIsOfSixteenLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(anyFloat(), 0, 200).Draw(t, "x")
		var l [16]float64
		for i, v := range x {
			l[i%16] += float64(v) * float64(v)
		}
		for w := 8; w > 0; w /= 2 {
			for i := range w {
				l[i] += l[i+w]
			}
		}
		k := Clipper{bound: 1}
		for rest := x; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "block")
			if err := k.Measure(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if want := math.Sqrt(l[0]); k.Norm() != want {
			t.Fatalf("norm %v, want %v", k.Norm(), want)
		}
	})
}

// TestClippedTwiceIsClippedOnce: what was scaled is within.
func TestClippedTwiceIsClippedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(anyFloat(), 1, 60).Draw(t, "x")
		c := anyBound().Draw(t, "c")
		if _, err := Clip(x, c); err != nil {
			t.Fatal(err)
		}
		again := slices.Clone(x)
		if _, err := Clip(again, c); err != nil || !slices.Equal(again, x) {
			t.Fatalf("clipped to %v, then to %v (%v)", x, again, err)
		}
	})
}

func TestClipOneCoordinate(t *testing.T) {
	for _, c := range []struct{ x, bound, want float32 }{
		{0.5, 1, 0.5}, {-0.5, 1, -0.5}, {0, 1, 0}, {math.MaxFloat32, 1, 1}, {-math.MaxFloat32, 1, -1}, {3, 2, 2},
		{math.SmallestNonzeroFloat32, 1, math.SmallestNonzeroFloat32}, {math.MaxFloat32, MostClip, MostClip},
	} {
		v := []float32{c.x}
		norm, err := Clip(v, c.bound)
		if err != nil {
			t.Fatal(err)
		}
		if norm != math.Abs(float64(c.x)) {
			t.Errorf("norm of %v is %v", c.x, norm)
		}
		if v[0]*c.want < 0 || math.Abs(float64(v[0])) > float64(c.bound) || math.Abs(float64(v[0]-c.want)) > 6e-7*math.Abs(float64(c.want)) {
			t.Errorf("%v clipped to %v is %v, want %v", c.x, c.bound, v[0], c.want)
		}
	}
}

func TestClipRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		x     []float32
		bound float32
	}{
		"NaN in the update":      {[]float32{9, nan}, 1},
		"infinity in the update": {[]float32{9, inf}, 1},
		"minus infinity":         {[]float32{9, -inf}, 1},
		"zero bound":             {[]float32{9, 9}, 0},
		"negative bound":         {[]float32{9, 9}, -1},
		"NaN bound":              {[]float32{9, 9}, nan},
		"infinite bound":         {[]float32{9, 9}, inf},
		"a bound too small":      {[]float32{9, 9}, LeastClip / 2},
		"a bound too large":      {[]float32{9, 9}, MostClip * 2},
	} {
		if _, err := Clip(c.x, c.bound); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if c.x[0] != 9 {
			t.Errorf("%s: the update was changed", name)
		}
	}
}

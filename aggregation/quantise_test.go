package aggregation

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// exactNorm is Σx² without any bound on its size.
func exactNorm(x []int32) *big.Int {
	sum := new(big.Int)
	for _, v := range x {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(v)), big.NewInt(int64(v))))
	}
	return sum
}

func (g Grid) holds(x []int32) bool {
	limit := new(big.Int).SetUint64(uint64(g.CInt))
	if exactNorm(x).Cmp(limit.Mul(limit, limit)) > 0 {
		return false
	}
	return !slices.ContainsFunc(x, func(v int32) bool { return int64(v) > int64(g.XMax) || -int64(v) > int64(g.XMax) })
}

func drawGrid(t *rapid.T) Grid {
	d := rapid.IntRange(1, 40).Draw(t, "d")
	least := uint32(math.Ceil(8 * math.Sqrt(float64(d))))
	cInt := rapid.OneOf(rapid.Uint32Range(least, least+20), rapid.Uint32Range(least, math.MaxInt32)).Draw(t, "cInt")
	clip := rapid.OneOf(rapid.Float32Range(math.SmallestNonzeroFloat32, math.MaxFloat32), rapid.Float32Range(0.01, 100),
		rapid.SampledFrom([]float32{math.SmallestNonzeroFloat32, 1, math.MaxFloat32})).Draw(t, "c")
	return Grid{C: clip, CInt: cInt, XMax: cInt, WordBits: 32, D: d}
}

// drawCoins is a source of any quality: fair, constant, or short cycles.
func drawCoins(t *rapid.T) *cycle {
	return &cycle{of: rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 64, 64), rapid.SampledFrom([][]byte{{0}, {0xff}, {0, 0xff}})).Draw(t, "coins")}
}

type cycle struct {
	of []byte
	at int
}

func (c *cycle) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.of[c.at%len(c.of)]
		c.at++
	}
	return len(p), nil
}

// TestQuantisedVectorsKeepTheBoundExactly: for every float vector, clipped or not, and coins of any quality, what comes out
// is within C_int and x_max exactly; or nothing comes out.
func TestQuantisedVectorsKeepTheBoundExactly(t *testing.T) {
	special := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, -1e-40,
		math.MaxFloat32, -math.MaxFloat32, 0.5, -0.5, 1, -1}
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrid(t)
		if err := g.Validate(1, 0); err != nil {
			return // 6⌈σ⌉ + n·x_max has no room at the very top
		}
		x := rapid.SliceOfN(rapid.OneOf(rapid.Float32(), rapid.SampledFrom(special), rapid.Float32Range(-g.C, g.C)), g.D, g.D).Draw(t, "x")
		got, err := g.Quantise(x, drawCoins(t))
		bad := slices.ContainsFunc(x, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
		switch {
		case bad && err == nil:
			t.Fatal("NaN or Inf accepted")
		case err != nil && (got != nil || !bad && !errors.Is(err, ErrQuantise)):
			t.Fatalf("%v beside %v", got, err)
		case err == nil && !g.holds(got):
			t.Fatalf("Σx² = %v, x = %v on %+v", exactNorm(got), got, g)
		}
	})
}

// TestClippedVectorsAreNeverRefused: a vector of norm C at most always finds a rounding, with bad coins by truncation.
func TestClippedVectorsAreNeverRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrid(t)
		if g.C < 1e-30 || g.C > 1e30 {
			g.C = 1 // so that the scaling below is exact enough
		}
		x := rapid.SliceOfN(rapid.Float32Range(-1, 1), g.D, g.D).Draw(t, "x")
		var sum float64
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		norm := math.Sqrt(sum)
		for i := range x {
			if norm > 0 {
				x[i] = float32(float64(x[i]) / norm * float64(g.C) * (1 - 1e-6))
			}
		}
		got, err := g.Quantise(x, drawCoins(t))
		if err != nil || !g.holds(got) {
			t.Fatalf("%v, %v on %+v", got, err, g)
		}
	})
}

// TestQuantiserTruncatesWhenCoinsAreUnlucky gives coins that always round up. 81 words of 8.5 become 9 each, whose norm is
// 81, beyond C_int = 80; truncated they keep it. Words of 9.5 do not.
func TestQuantiserTruncatesWhenCoinsAreUnlucky(t *testing.T) {
	g := Grid{C: 1, CInt: 80, XMax: 80, WordBits: 32, D: 81}
	x := make([]float32, g.D)
	fill := func(v float64) {
		for i := range x {
			x[i] = float32(v / g.Scale())
		}
	}
	fill(8.5)
	if got, err := g.Quantise(x, constant(0)); err != nil || slices.Min(got) != 8 || slices.Max(got) != 8 {
		t.Fatalf("%v, %v, want 8 everywhere", got, err)
	}
	fill(9.5)
	if got, err := g.Quantise(x, constant(0)); !errors.Is(err, ErrQuantise) || got != nil {
		t.Fatalf("a vector beyond its clip gives %v, %v", got, err)
	}
}

// TestUnluckyRoundingIsDrawnAgainEightTimes: a rounding beyond the bound eight times over, then one that keeps it; and nine
// times over, where truncation comes before the lucky one.
func TestUnluckyRoundingIsDrawnAgainEightTimes(t *testing.T) {
	g := Grid{C: 1, CInt: 80, XMax: 80, WordBits: 32, D: 81}
	x := slices.Repeat([]float32{float32(8.5 / g.Scale())}, g.D)
	lucky := bytes.Repeat([]byte{0xff}, 8*g.D)
	copy(lucky, make([]byte, 8)) // only the first word goes up
	for unlucky, want := range map[int]int32{0: 9, 1: 9, 8: 9, 9: 8} {
		coins := bytes.NewReader(append(make([]byte, unlucky*8*g.D), lucky...))
		if got, err := g.Quantise(x, coins); err != nil || got[0] != want || got[1] != 8 {
			t.Errorf("%d unlucky roundings: %v, %v, want %d and then 8", unlucky, got, err, want)
		}
	}
}

// TestWholeNumbersAreNotRounded: zeros above all, which most words of most updates are.
func TestWholeNumbersAreNotRounded(t *testing.T) {
	g := Grid{C: 1, CInt: 100, XMax: 100, WordBits: 32, D: 2}
	for _, coins := range []constant{0, 0xff} {
		got, err := g.Quantise([]float32{0, float32(math.Copysign(0, -1))}, coins)
		if err != nil || got[0] != 0 || got[1] != 0 {
			t.Errorf("zeros with coins of %d became %v (%v)", coins, got, err)
		}
	}
}

// TestOneWordQuantises walks the line at d = 1, where nothing averages out.
func TestOneWordQuantises(t *testing.T) {
	for cInt := uint32(8); cInt < 200; cInt += 3 {
		g := Grid{C: 2, CInt: cInt, XMax: cInt, WordBits: 32, D: 1}
		for _, v := range []float32{0, 1e-45, -1e-45, 0.1, -0.1, 1.9999, -2, 2, 3, -3, math.MaxFloat32, -math.MaxFloat32} {
			for _, coins := range []constant{0, 0x7f, 0xff} {
				got, err := g.Quantise([]float32{v}, coins)
				if err != nil || !g.holds(got) {
					t.Fatalf("C_int = %d, x = %v: %v, %v", cInt, v, got, err)
				}
				if want := g.Scale() * float64(v); math.Abs(want) < float64(cInt) && math.Abs(float64(got[0])-want) > 1 {
					t.Fatalf("C_int = %d: %v rounded to %d", cInt, want, got[0])
				}
			}
		}
	}
}

// TestRoundingIsUnbiased: over coins on a regular grid the mean of the roundings is the value, within that grid's step.
func TestRoundingIsUnbiased(t *testing.T) {
	g := Grid{C: 1, CInt: 100, XMax: 100, WordBits: 32, D: 1}
	const steps = 1 << 12
	for _, v := range []float32{0, 0.25, -0.25, 0.123, -0.777, 0.5, -0.5, 1e-3, -1e-3, 1e-30, -1e-30, 0.9} {
		sum := 0.0
		for i := range uint64(steps) {
			var coin [8]byte
			binary.LittleEndian.PutUint64(coin[:], i<<52)
			got, err := g.Quantise([]float32{v}, bytes.NewReader(coin[:]))
			if err != nil {
				t.Fatal(err)
			}
			sum += float64(got[0])
		}
		if mean, want := sum/steps, g.Scale()*float64(v); math.Abs(mean-want) > 1.0/steps {
			t.Errorf("%v: mean %v, want %v", v, mean, want)
		}
	}
}

func TestQuantiserUsesEightBytesOfCoinsAWord(t *testing.T) {
	g := Grid{C: 1, CInt: 400, XMax: 400, WordBits: 32, D: 1025} // one more than a buffer
	x := make([]float32, g.D)
	for i := range x {
		x[i] = 0.01
	}
	r := bytes.NewReader(make([]byte, 8*g.D))
	if _, err := g.Quantise(x, r); err != nil || r.Len() != 0 {
		t.Errorf("%d bytes of coins left (%v)", r.Len(), err)
	}
	short := bytes.NewReader(make([]byte, 8*g.D-1))
	if got, err := g.Quantise(x, short); err == nil || got != nil || !strings.Contains(err.Error(), "coins") {
		t.Errorf("coins that end: %v", err)
	}
	// Each word has coins of its own: words that share none round differently.
	got, err := g.Quantise(x, source("coins"))
	if err != nil || slices.Min(got) == slices.Max(got) {
		t.Errorf("every word was rounded the same way (%v)", err)
	}
}

func TestQuantiserRefusesWhatIsNoUpdate(t *testing.T) {
	g := Grid{C: 1, CInt: 40, XMax: 40, WordBits: 32, D: 3}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, x := range map[string][]float32{
		"nothing": nil, "short": {1, 2}, "long": {0, 0, 0, 0}, "NaN": {0, nan, 0}, "+Inf": {inf, 0, 0}, "-Inf": {0, 0, -inf},
	} {
		if got, err := g.Quantise(x, source("coins")); err == nil || got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestGridLimits holds each limit of privacy 4.2 at its edge.
func TestGridLimits(t *testing.T) {
	good := Grid{C: 1, CInt: 80, XMax: 80, WordBits: 32, D: 100}
	with := func(change func(*Grid)) Grid { g := good; change(&g); return g }
	top := Grid{C: 1, D: 1, WordBits: 32}
	for name, c := range map[string]struct {
		g       Grid
		n       int
		sigmaSq uint64
		ok      bool
	}{
		"good":               {good, 1000, 1 << 20, true},
		"C_int below 8√d":    {with(func(g *Grid) { g.CInt, g.XMax = 79, 79 }), 10, 1, false},
		"d one more":         {with(func(g *Grid) { g.D = 101 }), 10, 1, false},
		"x_max below C_int":  {with(func(g *Grid) { g.XMax = 79 }), 10, 1, false},
		"x_max above C_int":  {with(func(g *Grid) { g.XMax = 81 }), 10, 1, false},
		"no words":           {with(func(g *Grid) { g.D = 0 }), 10, 1, false},
		"negative words":     {with(func(g *Grid) { g.D = -1 }), 10, 1, false},
		"too many words":     {with(func(g *Grid) { g.D = MaxWords + 1 }), 10, 1, false},
		"clip 0":             {with(func(g *Grid) { g.C = 0 }), 10, 1, false},
		"clip below 0":       {with(func(g *Grid) { g.C = -1 }), 10, 1, false},
		"clip NaN":           {with(func(g *Grid) { g.C = float32(math.NaN()) }), 10, 1, false},
		"clip Inf":           {with(func(g *Grid) { g.C = float32(math.Inf(1)) }), 10, 1, false},
		"C_int 0":            {with(func(g *Grid) { g.CInt, g.XMax = 0, 0 }), 10, 1, false},
		"x_max beyond int32": {with(func(g *Grid) { g.CInt, g.XMax = 1<<31, 1<<31 }), 1, 0, false},
		"nobody":             {good, 0, 1, false},
		"too many":           {good, MaxDevices + 1, 1, false},
		// n·x_max + 6⌈σ⌉ < 2^31
		"ring just full":    {top.of(1<<31 - 7), 1, 1, true},
		"ring overflows":    {top.of(1<<31 - 6), 1, 1, false},
		"σ rounds up":       {top.of(1<<31 - 12), 1, 2, false},
		"σ rounds up, fits": {top.of(1<<31 - 13), 1, 2, true},
		"many devices":      {top.of(1 << 14), 1<<17 - 1, 1, true},
		"one device more":   {top.of(1 << 14), 1 << 17, 1, false},
		"noise alone":       {good, 1, math.MaxUint64, false},
	} {
		if err := c.g.Validate(c.n, c.sigmaSq); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (g Grid) of(cInt uint32) Grid { g.CInt, g.XMax = cInt, cInt; return g }

// TestNormWithinItsBoundCannotOverflow sums squares whose true sum passes 2^64.
func TestNormWithinItsBoundCannotOverflow(t *testing.T) {
	within := func(x ...int32) bool {
		_, ok := spend(math.MaxInt32*math.MaxInt32, x, true)
		return ok
	}
	if within(slices.Repeat([]int32{math.MinInt32}, 1<<10)...) { // 2^10 · 2^62 = 2^72
		t.Fatal("a sum of 2^72 passes")
	}
	if !within(math.MaxInt32) || within(math.MaxInt32, 1) || within(math.MinInt32) {
		t.Fatal("the bound is not exact at its edge")
	}
}

func TestMeanUndoesTheScale(t *testing.T) {
	g := Grid{C: 2, CInt: 1000, XMax: 1000, WordBits: 32, D: 3}
	x := []float32{0.5, -1, 0}
	sum := make([]int32, 3)
	const n = 50
	for range n {
		q, err := g.Quantise(x, source("coins"))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range q {
			sum[i] += v
		}
	}
	for i, v := range g.Mean(sum, n) {
		if math.Abs(float64(v-x[i])) > 1/g.Scale() {
			t.Errorf("word %d: mean %v, want %v", i, v, x[i])
		}
	}
	if s := (Grid{}).Scale(); s != 0 {
		t.Errorf("scale of an invalid grid: %v", s)
	}
	for name, f := range map[string]func(){"no survivors": func() { g.Mean(sum, 0) }, "no grid": func() { (Grid{}).Mean(sum, 3) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

package aggregation

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
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
	clip := rapid.OneOf(rapid.Float32Range(0x1p-64, 0x1p64), rapid.Float32Range(0.01, 100), rapid.SampledFrom([]float32{0x1p-64, 1, 0x1p64})).Draw(t, "c")
	return Grid{C: clip, CInt: cInt, XMax: cInt, WordBits: 32, D: d}
}

// drawCoins gives coins of any quality: fair, constant, or short cycles.
func drawCoins(t *rapid.T) *script {
	return every(rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 64, 64), rapid.SampledFrom([][]byte{{0}, {0xff}, {0, 0xff}})).Draw(t, "coins"))
}

// script is the coins of one rounding after another, each a few bytes again and again; the last serves all that follow.
type script struct {
	coins [][]byte
	at    int
}

func every(coins []byte) *script { return &script{coins: [][]byte{coins}} }

func (s *script) next() (draw, error) {
	d := pattern(s.coins[min(s.at, len(s.coins)-1)])
	s.at++
	return d, nil
}

type pattern []byte

func (p pattern) stream() cipher.Stream { return &cycle{of: p} }

type cycle struct {
	of []byte
	at int
}

// XORKeyStream adds the pattern to src.
func (c *cycle) XORKeyStream(dst, src []byte) {
	for i, b := range src {
		dst[i] = b ^ c.of[c.at%len(c.of)]
		c.at++
	}
}

// up and down are coins that round everything up, or down.
var up, down = []byte{0xff}, []byte{0}

// toss rounds with coins that a test has chosen, and holds what Quantiser.Add adds against it.
func (g Grid) toss(tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, update []float32, coins *script) ([]int32, error) {
	tb.Helper()
	r, err := newRounder(g)
	if err != nil {
		tb.Fatal(err)
	}
	x := make([]int32, g.D)
	q := &quantiser{rounder: r, in: make([]float32, g.D), out: make([]int32, g.D),
		read:  func(block []float32, from int) error { copy(block, update[from:]); return nil },
		write: func(block []int32, from int) error { copy(x[from:], block); return nil }}
	err = q.quantise(coins)
	coins.at = 0
	sum, want := make([]int32, g.D), make([]int32, g.D)
	for i := range sum {
		sum[i] = int32(i)
		want[i] = sum[i]
		if err == nil {
			want[i] += x[i]
		}
	}
	if e := (&Quantiser{rounder: *r}).add(sum, update, coins); fmt.Sprint(e) != fmt.Sprint(err) || !slices.Equal(sum, want) {
		tb.Fatalf("added %v (%v), want %v (%v)", sum, e, want, err)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
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
		got, err := g.toss(t, x, drawCoins(t))
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
		got, err := g.toss(t, x, drawCoins(t))
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
	if got, err := g.toss(t, x, every(up)); err != nil || slices.Min(got) != 8 || slices.Max(got) != 8 {
		t.Fatalf("%v, %v, want 8 everywhere", got, err)
	}
	fill(9.5)
	if got, err := g.toss(t, x, every(up)); !errors.Is(err, ErrQuantise) || got != nil {
		t.Fatalf("a vector beyond its clip gives %v, %v", got, err)
	}
}

// TestUnluckyRoundingIsDrawnAgainEightTimes: a rounding beyond the bound eight times over, then one that keeps it; and nine
// times over, where truncation comes before the lucky one.
func TestUnluckyRoundingIsDrawnAgainEightTimes(t *testing.T) {
	g := Grid{C: 1, CInt: 80, XMax: 80, WordBits: 32, D: 81}
	x := slices.Repeat([]float32{float32(8.5 / g.Scale())}, g.D)
	lucky := bytes.Repeat(down, 2*g.D)
	copy(lucky, []byte{0xff, 0xff}) // only the first word goes up
	for unlucky, want := range map[int]int32{0: 9, 1: 9, 8: 9, 9: 8} {
		coins := &script{coins: append(slices.Repeat([][]byte{up}, unlucky), lucky)}
		if got, err := g.toss(t, x, coins); err != nil || got[0] != want || got[1] != 8 {
			t.Errorf("%d unlucky roundings: %v, %v, want %d and then 8", unlucky, got, err, want)
		}
	}
}

// TestWholeNumbersAreNotRounded: zeros above all, which most words of most updates are.
func TestWholeNumbersAreNotRounded(t *testing.T) {
	g := Grid{C: 1, CInt: 100, XMax: 100, WordBits: 32, D: 2}
	for _, coins := range [][]byte{up, down} {
		got, err := g.toss(t, []float32{0, float32(math.Copysign(0, -1))}, every(coins))
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
			for _, coins := range [][]byte{up, {0x7f}, down} {
				got, err := g.toss(t, []float32{v}, every(coins))
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

// TestRoundingIsUnbiased: over all coins there are the mean of the roundings is the value, within half a step of the coins and what a
// float32 is off.
func TestRoundingIsUnbiased(t *testing.T) {
	g := Grid{C: 1, CInt: 100, XMax: 100, WordBits: 32, D: 1}
	r, err := newRounder(g)
	if err != nil {
		t.Fatal(err)
	}
	const steps = 1 << 16
	coins, out := make(pattern, 2*steps), make([]int32, steps)
	for i := range steps {
		binary.LittleEndian.PutUint16(coins[2*i:], uint16(i))
	}
	for _, v := range []float32{0, 0.25, -0.25, 0.123, -0.777, 0.5, -0.5, 1e-3, -1e-3, 1e-5, -1e-7, 1e-30, -1e-30, 0.9} {
		if _, err := r.rounded(out, slices.Repeat([]float32{v}, steps), 0, coins.stream()); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, x := range out {
			sum += float64(x)
		}
		if mean, want := sum/steps, g.Scale()*float64(v); math.Abs(mean-want) > 0x1p-17+0x1p-24*math.Abs(want) {
			t.Errorf("%v: mean %v, want %v", v, mean, want)
		}
	}
}

// TestRoundingTakesAKeyOfCoins: 16 bytes a rounding, and word i is rounded by bytes 2i and 2i+1 of that key's stream.
func TestRoundingTakesAKeyOfCoins(t *testing.T) {
	g := Grid{C: 1, CInt: 400, XMax: 400, WordBits: 32, D: roundWords + 1} // one more than a buffer
	x := slices.Repeat([]float32{0.01}, g.D)
	key := []byte("sixteen bytes in")
	r := bytes.NewReader(key)
	got, err := g.Quantise(x, r)
	if err != nil || r.Len() != 0 {
		t.Fatalf("%d bytes of coins left (%v)", r.Len(), err)
	}
	coins := make([]byte, 2*g.D)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(coins, coins)
	for i, v := range got {
		scaled := math.RoundToEven(float64(float32(0.01*65536) * float32(g.Scale())))
		if want := math.Floor((scaled + float64(binary.LittleEndian.Uint16(coins[2*i:]))) / 65536); float64(v) != want {
			t.Fatalf("word %d is %d, want %v", i, v, want)
		}
	}
	if got, err := g.Quantise(x, bytes.NewReader(key[1:])); err == nil || got != nil || !strings.Contains(err.Error(), "coins") {
		t.Errorf("coins that end: %v", err)
	}
}

// TestAddingAnUpdateIsQuantisingIt: sums of many, with coins from one source, on grids for words of every size.
func TestAddingAnUpdateIsQuantisingIt(t *testing.T) {
	for _, g := range []Grid{
		{C: 0.5, CInt: 900, XMax: 900, D: 12345, WordBits: 32}, {C: 0.5, CInt: 150, XMax: 7, D: 3 * roundWords, WordBits: 16},
		{C: 2, CInt: 1 << 20, XMax: 1 << 20, D: 100, WordBits: 32}, {C: 1, CInt: 10, XMax: 3, D: 1, WordBits: 16},
	} {
		q, err := NewQuantiser(g)
		if err != nil {
			t.Fatal(err)
		}
		random, one, other := rand.New(rand.NewPCG(1, uint64(g.D))), source("coins"), source("coins")
		sum, want := make([]int32, g.D), make([]int32, g.D)
		for range 20 {
			update := make([]float32, g.D)
			for i := range update {
				update[i] = g.C * float32(random.NormFloat64()/math.Sqrt(float64(2*g.D)))
			}
			x, err := g.Quantise(update, one)
			switch e := q.Add(sum, update, other); {
			case fmt.Sprint(err) != fmt.Sprint(e):
				t.Fatalf("%v, quantised alone: %v", e, err)
			case err == nil:
				for i, v := range x {
					want[i] += v
				}
			}
			if !slices.Equal(sum, want) {
				t.Fatalf("other sums on %+v", g)
			}
		}
		if err := q.Add(sum, make([]float32, g.D+1), one); err == nil {
			t.Error("an update that is too long was added")
		}
		if err := q.Add(sum[1:], make([]float32, g.D), one); err == nil {
			t.Error("an update was added to a sum that is too short")
		}
		if g.D > roundWords { // NaN in the last block
			bad := slices.Repeat([]float32{g.C / 1e4}, g.D)
			bad[g.D-1] = float32(math.NaN())
			if err := q.Add(sum, bad, one); err == nil || !slices.Equal(sum, want) {
				t.Errorf("NaN was added, or half of it (%v)", err)
			}
		}
	}
	if _, err := NewQuantiser(Grid{}); err == nil {
		t.Error("a quantiser without a grid")
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
		"clip at its least":  {with(func(g *Grid) { g.C = 0x1p-64 }), 10, 1, true},
		"clip too small":     {with(func(g *Grid) { g.C = 0x1p-65 }), 10, 1, false},
		"clip at its most":   {with(func(g *Grid) { g.C = 0x1p64 }), 10, 1, true},
		"clip too large":     {with(func(g *Grid) { g.C = 0x1p65 }), 10, 1, false},
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
		_, ok := spend(math.MaxInt32*math.MaxInt32, x, false)
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

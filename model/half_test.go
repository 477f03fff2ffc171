package model

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// valueOfHalf is what IEEE 754-2008 section 3.4 says a half is worth, in exact arithmetic; nil for NaN and infinity.
func valueOfHalf(h uint16) *big.Rat {
	exponent, fraction := int(h>>10&0x1f), int64(h&0x3ff)
	if exponent == 0x1f {
		return nil
	}
	if exponent == 0 {
		exponent = 1
	} else {
		fraction += 1 << 10
	}
	v := big.NewRat(fraction<<exponent, 1<<25)
	if h&0x8000 != 0 {
		v.Neg(v)
	}
	return v
}

func TestEveryHalfIsExactInFloat32AndComesBack(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f, ok := fromHalf(h)
		want := valueOfHalf(h)
		if ok != (want != nil) {
			t.Fatalf("%#04x: ok %v", h, ok)
		}
		if !ok {
			continue
		}
		if new(big.Rat).SetFloat64(float64(f)).Cmp(want) != 0 {
			t.Fatalf("%#04x is %v, want %v", h, f, want)
		}
		if back, ok := toHalf(f); !ok || back != h {
			t.Fatalf("%#04x went to %v and came back as %#04x", h, f, back)
		}
	}
}

// TestHalfIsTheNearest holds the rounding against the definition: no half is nearer, and of two at the same distance the even one is taken.
func TestHalfIsTheNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkNearest(t, rapid.Float32Range(-66000, 66000).Draw(t, "f")) })
	rapid.Check(t, func(t *rapid.T) { // near halves and their midpoints, down to the smallest
		h := uint16(rapid.IntRange(0, 0x7bff).Draw(t, "half"))
		f, _ := fromHalf(h)
		next, ok := fromHalf(h + 1)
		if !ok {
			next = 65536
		}
		middle := (f + next) / 2
		for _, v := range []float32{f, middle, math.Nextafter32(middle, 0), math.Nextafter32(middle, 1e6), math.Nextafter32(f, 1e6)} {
			checkNearest(t, v)
			checkNearest(t, -v)
		}
	})
	for _, v := range []float32{math.SmallestNonzeroFloat32, 1 << 10 * math.SmallestNonzeroFloat32, 65504, 65519.996, 65520, 1e30, float32(math.Inf(1)), float32(math.NaN())} {
		checkNearest(t, v)
		checkNearest(t, -v)
	}
}

func checkNearest(t interface {
	Helper()
	Fatalf(string, ...any)
}, f float32) {
	t.Helper()
	h, ok := toHalf(f)
	if over := !(math.Abs(float64(f)) < 65520); over || !ok {
		if over == ok {
			t.Fatalf("%v: ok %v", f, ok)
		}
		return
	}
	if (h&0x8000 != 0) != math.Signbit(float64(f)) {
		t.Fatalf("%v became %#04x of the other sign", f, h)
	}
	exact := new(big.Rat).SetFloat64(float64(f))
	distance := func(h uint16) *big.Rat {
		v := valueOfHalf(h)
		if v == nil { // infinity stands where the next half would be
			v = big.NewRat(65536, 1)
			if h&0x8000 != 0 {
				v.Neg(v)
			}
		}
		return v.Abs(v.Sub(v, exact))
	}
	for _, other := range []uint16{h + 1, h - 1} {
		if h&0x7fff == 0 && other != h+1 {
			continue
		}
		switch c := distance(h).Cmp(distance(other)); {
		case c > 0, c == 0 && h&1 == 1:
			t.Fatalf("%v became %#04x, and %#04x is nearer, or as near and even", f, h, other)
		}
	}
}

func TestHalfSnapshotIsSmallAndExact(t *testing.T) {
	for _, family := range families {
		whole := start(t, family, 30, 4)
		s, err := whole.InHalves()
		if err != nil {
			t.Fatal(err)
		}
		file := s.Encode()
		if want := len(whole.Encode()) - 2*len(s.Params); len(file) != want {
			t.Errorf("%s: the file has %d bytes, want %d", family, len(file), want)
		}
		back, err := Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range back.Params {
			if v != s.Params[i] || math.Abs(float64(v-whole.Params[i])) > math.Abs(float64(v))/2048+1.0/(1<<25) {
				t.Fatalf("%s: parameter %d was %v, is %v, came back as %v", family, i, whole.Params[i], s.Params[i], v)
			}
		}
		if !back.Half || back.Hash() != s.Hash() || s.Hash() == whole.Hash() {
			t.Errorf("%s: what came back is not the same model", family)
		}
		again, err := back.InHalves()
		if err != nil || again.Hash() != s.Hash() {
			t.Errorf("%s: rounding twice is not rounding once: %v", family, err)
		}
	}
}

func TestHalfRefusesWhatIsTooLarge(t *testing.T) {
	s := start(t, TwoTowerFamily, 30, 4)
	at, _, _ := s.Layout.Offset("b")
	s.Params[at+3] = -70000
	if _, err := s.InHalves(); err == nil || !strings.Contains(err.Error(), `"b"`) || !strings.Contains(err.Error(), "-70000") {
		t.Fatalf("error %v, want one that names tensor b and the value", err)
	}
	file := mustHalves(t, start(t, TwoTowerFamily, 30, 4)).Encode()
	for _, bits := range []uint16{0x7c00, 0xfc00, 0x7e01} {
		file[len(file)-2], file[len(file)-1] = byte(bits), byte(bits>>8)
		if _, err := Parse(file); err == nil || !strings.Contains(err.Error(), "finite") {
			t.Errorf("half %#04x in a file: %v", bits, err)
		}
	}
}

func mustHalves(t testing.TB, s *Snapshot) *Snapshot {
	t.Helper()
	h, err := s.InHalves()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestSmallStepsAreNotLostInHalves takes steps that are each below what a half can hold beside 1: the float32 master beside the
// optimiser's state adds them up, through a save and a load each time.
func TestSmallStepsAreNotLostInHalves(t *testing.T) {
	whole := start(t, TwoTowerFamily, 30, 4)
	for i := range whole.Params {
		whole.Params[i] = 1
	}
	half := mustHalves(t, whole)
	update := make([]float32, len(whole.Params))
	for i := range update {
		update[i] = 1
	}
	opt := func() *Optimizer { return &Optimizer{Rate: 1.0 / (1 << 13), Beta1: 0.5, Beta2: 0.5, Average: 0.5} }
	a, b := opt(), opt()
	const rounds = 64
	for r := range rounds {
		var err error
		if whole, _, err = a.Apply(whole, update, r, 0); err != nil {
			t.Fatal(err)
		}
		if r%2 == 1 {
			if b, err = ParseOptimizer(b.Encode()); err != nil {
				t.Fatal(err)
			}
		}
		var serve *Snapshot
		if half, serve, err = b.Apply(half, update, r, 0); err != nil {
			t.Fatal(err)
		}
		if !half.Half || !serve.Half {
			t.Fatal("a model in halves became one in float32")
		}
		if want := mustHalves(t, whole); half.Hash() != want.Hash() {
			t.Fatalf("round %d: the model in halves is not the float32 one's rounding: %v, want %v", r, half.Params[0], want.Params[0])
		}
	}
	if moved := half.Params[0] - 1; moved < rounds/(1<<13)*0.9 {
		t.Errorf("%d steps of 2^-13 moved a parameter by %v", rounds, moved)
	}
}

func TestMasterOfAnotherModelIsRefused(t *testing.T) {
	whole := start(t, TwoTowerFamily, 30, 4)
	half := mustHalves(t, whole)
	update := make([]float32, len(whole.Params))
	o := Optimizer{Rate: 0.1, Beta1: 0.5, Beta2: 0.5, Average: 0.5}
	if _, _, err := o.Apply(half, update, 0, 0); err != nil {
		t.Fatal(err)
	}
	other := mustHalves(t, whole)
	other.Params[7] += 1
	for name, s := range map[string]*Snapshot{"other halves": other, "float32": whole} {
		if _, _, err := o.Apply(s, update, 1, 0); err == nil || !strings.Contains(err.Error(), "another model") {
			t.Errorf("%s: %v, want the state refused", name, err)
		}
	}
}

package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSnapshotComesBackAsItWas(t *testing.T) {
	for _, family := range families {
		s := disturbed(t, family, 23, 5, 1)
		b := s.Encode()
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", family, err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Errorf("%s: parsed snapshot differs:\n%s", family, diff)
		}
		if !bytes.Equal(got.Encode(), b) {
			t.Errorf("%s: it encodes to other bytes", family)
		}
		if s.Hash() != sha256.Sum256(b) || got.Layout.Hash() != s.Layout.Hash() {
			t.Errorf("%s: hashes differ", family)
		}
		if _, err := Open(got.Layout); err != nil {
			t.Errorf("%s: %v", family, err)
		}
	}
}

// TestSnapshotBytes writes one tiny file by hand, a comment for each field.
func TestSnapshotBytes(t *testing.T) {
	layout := slices.Concat(
		[]byte{0, 2},                    // layout version
		[]byte{0, 0, 0, 1}, []byte("f"), // family
		[]byte{0, 0, 0, 2},                           // width
		[]byte{0, 0, 0, 1}, []byte{0x40, 0x80, 0, 0}, // one channel, of age 4
		[]byte{0, 0, 0, 1},              // one tensor
		[]byte{0, 0, 0, 1}, []byte("t"), // its name
		[]byte{0, 0, 0, 1}, []byte{0, 0, 0, 2}, // one axis, of two
		[]byte{0x40, 0, 0, 0}, // clip-group factor 2
		[]byte{0, 0, 0, 2},    // two titles
		[]byte{0, 0, 0, 1}, []byte("a"), []byte{0, 0, 0, 1}, []byte("b"),
	)
	hash := sha256.Sum256(layout)
	want := slices.Concat([]byte("CSMODEL\n"), []byte{0, 0, 0, 1}, binary.BigEndian.AppendUint32(nil, uint32(len(layout))), hash[:], layout,
		[]byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}) // 1 and -2, little-endian
	s := &Snapshot{Params: []float32{1, -2}, Layout: Layout{Family: "f", Dim: 2, Ages: []float32{4}, Items: []string{"a", "b"}, Tensors: []Tensor{{Name: "t", Shape: []int{2}, Group: 2}}}}
	if got := s.Encode(); !bytes.Equal(got, want) {
		t.Errorf("encoded\n%x, want\n%x", got, want)
	}
	if got := s.Layout.Hash(); got != hash {
		t.Errorf("layout hash %x, want %x", got, hash)
	}
}

func TestParseRefusesEveryTruncation(t *testing.T) {
	b := start(t, TwoTowerFamily, 4, 2).Encode()
	for n := range b {
		if _, err := Parse(b[:n]); err == nil {
			t.Fatalf("accepted the first %d of %d bytes", n, len(b))
		} else if !errors.Is(err, errShort) {
			t.Fatalf("%d of %d bytes: %v, want it to say truncated", n, len(b), err)
		}
	}
}

// reseal puts the right layout hash into a file whose layout was changed.
func reseal(b []byte, layout func([]byte) []byte) []byte {
	n := binary.BigEndian.Uint32(b[12:])
	section := layout(slices.Clone(b[headerBytes : headerBytes+int(n)]))
	hash := sha256.Sum256(section)
	out := slices.Concat(b[:12], binary.BigEndian.AppendUint32(nil, uint32(len(section))), hash[:], section)
	return append(out, b[headerBytes+int(n):]...)
}

func TestParseRefusesBadFiles(t *testing.T) {
	good := start(t, TwoTowerFamily, 4, 2)
	b := good.Encode()
	set := func(at int, v ...byte) []byte {
		c := slices.Clone(b)
		copy(c[at:], v)
		return c
	}
	last := func(f float32) []byte {
		return set(len(b)-4, appendFloats(nil, []float32{f})...)
	}
	relayout := func(change func(*Layout)) []byte {
		l := good.Layout
		l.Items, l.Tensors = slices.Clone(l.Items), slices.Clone(l.Tensors)
		for i := range l.Tensors {
			l.Tensors[i].Shape = slices.Clone(l.Tensors[i].Shape)
		}
		change(&l)
		return reseal(b, func([]byte) []byte { return l.append(nil) })
	}
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "truncated"},
		{"another file", append([]byte("SQLite format 3\x00"), b...), "not a model file"},
		{"newer format", set(8, 0, 0, 0, 3), "update it"},
		{"floats called halves", set(8, 0, 0, 0, 2), "follow its end"},
		{"huge layout", set(12, 0xff, 0xff, 0xff, 0xff), "over"},
		{"changed hash", set(16, ^b[16]), "does not match its hash"},
		{"changed title", set(bytes.Index(b, []byte("movielens")), 'M'), "does not match its hash"},
		{"trailing byte", append(slices.Clone(b), 0), "follow its end"},
		{"missing value", b[:len(b)-4], "truncated"},
		{"NaN", last(float32(math.NaN())), "finite"},
		{"infinity", last(float32(math.Inf(-1))), "finite"},
		{"layout with a tail", reseal(b, func(s []byte) []byte { return append(s, 0) }), "follow its end"},
		{"newer layout", reseal(b, func(s []byte) []byte { s[1] = 3; return s }), "update it"},
		{"empty layout", reseal(b, func([]byte) []byte { return nil }), "truncated"},
		{"family with a slash", relayout(func(l *Layout) { l.Family = "../x" }), "family"},
		{"no family", relayout(func(l *Layout) { l.Family = "" }), "family"},
		{"long family", relayout(func(l *Layout) { l.Family = strings.Repeat("x", 33) }), "family"},
		{"no width", relayout(func(l *Layout) { l.Dim = 0 }), "width"},
		{"great width", relayout(func(l *Layout) { l.Dim = maxDim + 1 }), "width"},
		{"no channels", relayout(func(l *Layout) { l.Ages = nil }), "channels"},
		{"nine channels", relayout(func(l *Layout) { l.Ages = make([]float32, 9) }), "channels"},
		{"negative age", relayout(func(l *Layout) { l.Ages = []float32{-1} }), "age"},
		{"NaN age", relayout(func(l *Layout) { l.Ages = []float32{float32(math.NaN())} }), "age"},
		{"no tensors", relayout(func(l *Layout) { l.Tensors = nil }), "tensors"},
		{"tensor twice", relayout(func(l *Layout) { l.Tensors[1] = l.Tensors[0] }), "twice"},
		{"no axes", relayout(func(l *Layout) { l.Tensors[0].Shape = nil }), "axes"},
		{"five axes", relayout(func(l *Layout) { l.Tensors[0].Shape = []int{1, 1, 1, 1, 1} }), "axes"},
		{"empty axis", relayout(func(l *Layout) { l.Tensors[0].Shape[0] = 0 }), "shape"},
		{"product over 2^64", relayout(func(l *Layout) { l.Tensors[0].Shape = []int{1 << 31, 1 << 31, 1 << 31, 1 << 31} }), "shape"},
		{"too many values", relayout(func(l *Layout) { l.Tensors[0].Shape[0] = MaxParams }), "shape"},
		{"tiny factor", relayout(func(l *Layout) { l.Tensors[0].Group = 1e-9 }), "factor"},
		{"NaN factor", relayout(func(l *Layout) { l.Tensors[0].Group = float32(math.NaN()) }), "factor"},
		{"infinite factor", relayout(func(l *Layout) { l.Tensors[0].Group = float32(math.Inf(1)) }), "factor"},
		{"negative factor", relayout(func(l *Layout) { l.Tensors[0].Group = -1 }), "factor"},
		{"one title", relayout(func(l *Layout) { l.Items = l.Items[:1] }), "title"},
		{"title twice", relayout(func(l *Layout) { l.Items[1] = l.Items[0] }), "twice"},
		{"title without id", relayout(func(l *Layout) { l.Items[1] = "" }), "title"},
		{"title not UTF-8", relayout(func(l *Layout) { l.Items[1] = "\xff" }), "UTF-8"},
		{"long id", relayout(func(l *Layout) { l.Items[1] = strings.Repeat("x", MaxIDBytes+1) }), "title id"},
	} {
		_, err := Parse(c.b)
		if err == nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q does not say %q", c.name, err, c.want)
		}
	}
}

// TestParseTakesNoMemoryForPromises gives small files that announce the most the limits allow.
func TestParseTakesNoMemoryForPromises(t *testing.T) {
	b := start(t, TwoTowerFamily, 4, 2).Encode()
	big := func(change func(*Layout)) []byte {
		return reseal(b, func([]byte) []byte {
			l := start(t, TwoTowerFamily, 4, 2).Layout
			change(&l)
			return l.append(nil)
		})
	}
	manyItems := reseal(b, func(s []byte) []byte {
		at := bytes.Index(s, []byte("movielens")) - 8 // the count stands before the first length
		copy(s[at:], []byte{0, 0x10, 0, 0})           // MaxItems
		return s
	})
	for name, file := range map[string][]byte{
		"titles": manyItems,
		"values": big(func(l *Layout) { l.Tensors = []Tensor{{Name: "t", Shape: []int{MaxParams}, Group: 1}} }),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Parse(file); !errors.Is(err, errShort) {
			t.Errorf("%s: error %v, want truncated", name, err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: took %d bytes for a file of %d", name, took, len(file))
		}
	}
}

func TestAnyLayoutComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z0-9.-]{1,32}`)
		l := Layout{Family: name.Draw(t, "family"), Dim: rapid.IntRange(1, maxDim).Draw(t, "dim"),
			Ages:  rapid.SliceOfN(rapid.OneOf(rapid.Just(float32(0)), rapid.Float32Range(0.1, 1e6)), 1, maxAges).Draw(t, "ages"),
			Items: rapid.SliceOfNDistinct(rapid.StringMatching(`.{1,30}`), 2, 20, rapid.ID[string]).Draw(t, "items")}
		for _, n := range rapid.SliceOfNDistinct(name, 1, 5, rapid.ID[string]).Draw(t, "tensors") {
			l.Tensors = append(l.Tensors, Tensor{Name: n, Shape: rapid.SliceOfN(rapid.IntRange(1, 5), 1, maxRank).Draw(t, "shape"), Group: rapid.Float32Range(1e-3, 1e3).Draw(t, "group")})
		}
		s := &Snapshot{Layout: l, Params: rapid.SliceOfN(rapid.Float32(), l.Size(), l.Size()).Draw(t, "params")}
		got, err := Parse(s.Encode())
		if finite(s.Params) >= 0 {
			if err == nil {
				t.Fatal("accepted a value that is not finite")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, family := range families {
		f.Add(start(f, family, 3, 2).Encode())
		f.Add(mustHalves(f, start(f, family, 3, 2)).Encode())
	}
	b := start(f, TwoTowerFamily, 2, 1).Encode()
	f.Add(b[:len(b)-1])
	f.Add(reseal(b, func(s []byte) []byte { return s[:len(s)/2] }))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkParse(t, b)
		if len(b) >= headerBytes && int64(binary.BigEndian.Uint32(b[12:])) <= int64(len(b)-headerBytes) {
			// Behind a right hash the layout parser sees what the fuzzer wrote.
			checkParse(t, reseal(b, func(s []byte) []byte { return s }))
		}
	})
}

func checkParse(t *testing.T, b []byte) {
	s, err := Parse(b)
	if err != nil {
		return
	}
	if !bytes.Equal(s.Encode(), b) {
		t.Errorf("accepted %x, encodes to %x", b, s.Encode())
	}
	if finite(s.Params) >= 0 {
		t.Errorf("accepted parameters %v", s.Params)
	}
	if _, err := Open(s.Layout); err != nil {
		return
	}
}

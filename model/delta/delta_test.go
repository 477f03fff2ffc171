package delta

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/model"
)

// snapshot is a model in halves, its parameters around 1 and around 0.01.
func snapshot(t testing.TB, items int, seed uint64) *model.Snapshot {
	t.Helper()
	ids := make([]string, items)
	for i := range ids {
		ids[i] = fmt.Sprint("made-up:", i)
	}
	s, err := model.Spec{Family: model.TwoTowerFamily, Dim: 8}.New(ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range s.Params {
		s.Params[i] = float32(rng.NormFloat64())
		if i%3 == 0 {
			s.Params[i] /= 100
		}
	}
	return halves(t, s)
}

func halves(t testing.TB, s *model.Snapshot) *model.Snapshot {
	t.Helper()
	h, err := s.InHalves()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// moved is the model after a step of this size.
func moved(t testing.TB, s *model.Snapshot, step float64, seed uint64) *model.Snapshot {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	next := &model.Snapshot{Layout: s.Layout, Params: make([]float32, len(s.Params))}
	for i, v := range s.Params {
		next.Params[i] = v + float32(step*rng.NormFloat64())
	}
	return halves(t, next)
}

func TestWordsComeBack(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		if unordered(ordered(h)) != h {
			t.Fatalf("%#04x is ordered as %#04x and comes back as %#04x", h, ordered(h), unordered(ordered(h)))
		}
		if unzigzag(zigzag(h)) != h {
			t.Fatalf("%d is %d in zigzag and comes back as %d", h, zigzag(h), unzigzag(zigzag(h)))
		}
	}
	for d, want := range map[int16]uint16{0: 0, -1: 1, 1: 2, -2: 3, 2: 4, 32767: 65534, -32768: 65535} {
		if got := zigzag(uint16(d)); got != want {
			t.Errorf("zigzag of %d is %d, want %d", d, got, want)
		}
	}
}

func TestOrderIsThatOfTheNumbers(t *testing.T) {
	list := []uint16{0xfbff, 0xbc01, 0xbc00, 0x8001, 0x8000, 0x0000, 0x0001, 0x3c00, 0x3c01, 0x7bff} // -65504 … -0, 0 … 65504
	for i := 1; i < len(list); i++ {
		if ordered(list[i]) <= ordered(list[i-1]) {
			t.Errorf("%#04x is not ordered behind %#04x", list[i], list[i-1])
		}
	}
	if ordered(0)-ordered(0x8000) != 1 {
		t.Error("0 and -0 are not neighbours")
	}
}

func TestDeltaRebuildsTheFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base := snapshot(t, rapid.IntRange(2, 300).Draw(rt, "items"), rapid.Uint64().Draw(rt, "seed"))
		next := moved(t, base, rapid.Float64Range(0, 0.05).Draw(rt, "step"), rapid.Uint64().Draw(rt, "move"))
		from, to := base.Encode(), next.Encode()
		d, err := Encode(from, to)
		if errors.Is(err, ErrNone) {
			return // a small model that moved far
		}
		if err != nil {
			rt.Fatal(err)
		}
		if again, err := Encode(from, to); err != nil || !bytes.Equal(again, d) {
			rt.Fatalf("the same two files gave another delta: %v", err)
		}
		got, err := Apply(from, d, sha256.Sum256(to))
		if err != nil || !bytes.Equal(got, to) {
			rt.Fatalf("the delta of %d bytes makes another file: %v", len(d), err)
		}
	})
}

func TestDeltaIsSmallerTheLessMoved(t *testing.T) {
	base := snapshot(t, 2000, 1)
	from := base.Encode()
	last := len(from)
	for _, step := range []float64{0.03, 0.003, 0.0003, 0} {
		d, err := Encode(from, moved(t, base, step, 3).Encode())
		if err != nil {
			t.Fatal(err)
		}
		if len(d) >= last {
			t.Errorf("a step of %v takes %d bytes, a larger one %d", step, len(d), last)
		}
		last = len(d)
	}
	if last > 1000 {
		t.Errorf("nothing at all takes %d bytes", last)
	}
}

func TestThereIsNoDelta(t *testing.T) {
	base := snapshot(t, 50, 1)
	whole := &model.Snapshot{Layout: base.Layout, Params: base.Params}
	for name, next := range map[string][]byte{
		"another layout":      snapshot(t, 51, 1).Encode(),
		"float32":             whole.Encode(),
		"something unrelated": snapshot(t, 50, 99).Encode()[:20],
		"nothing":             nil,
	} {
		if d, err := Encode(base.Encode(), next); !errors.Is(err, ErrNone) {
			t.Errorf("%s: a delta of %d bytes, %v", name, len(d), err)
		}
	}
	// Words without any order do not shrink.
	random := base.Encode()
	at, _, _ := model.Tensors(random)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := at; i < len(random); i++ {
		random[i] = byte(rng.Uint32())
	}
	short := append(bytes.Clone(random[:at]), bytes.Repeat([]byte{1}, len(random)-at)...)
	if d, err := Encode(short, random); err == nil && len(d) >= len(random) {
		t.Errorf("a delta of %d bytes for a file of %d", len(d), len(random))
	}
}

func TestApplyRefuses(t *testing.T) {
	base := snapshot(t, 200, 1)
	from, to := base.Encode(), moved(t, base, 0.001, 1).Encode()
	d, err := Encode(from, to)
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(to)
	newer := bytes.Clone(d)
	newer[header-1] = 2
	flipped := bytes.Clone(d)
	flipped[len(d)/2] ^= 1
	other := moved(t, base, 0.1, 7).Encode()
	for name, c := range map[string]struct {
		base, delta []byte
		says        string
	}{
		"empty":            {from, nil, "not a delta"},
		"another file":     {from, from, "not a delta"},
		"newer format":     {from, newer, "update it"},
		"cut short":        {from, d[:len(d)-20], "delta"},
		"longer":           {from, append(bytes.Clone(d), 0), "follow it"},
		"changed":          {from, flipped, "apply delta"},
		"another base":     {other, d, "apply delta"},
		"base of floats":   {(&model.Snapshot{Layout: base.Layout, Params: base.Params}).Encode(), d, "not halves"},
		"base of nobody":   {[]byte("x"), d, "not a model file"},
		"words too many":   {from, stream(make([]byte, 1<<20)), "after the last word"},
		"words too few":    {from, stream(make([]byte, 100)), "ends within"},
		"the wrong target": {from, mustEncode(t, from, other), "wanted is"},
	} {
		if got, err := Apply(c.base, c.delta, want); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d bytes, %v; want an error that says %q", name, len(got), err, c.says)
		}
	}
}

func mustEncode(t testing.TB, base, next []byte) []byte {
	t.Helper()
	d, err := Encode(base, next)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stream is a delta of these words.
func stream(words []byte) []byte {
	var b bytes.Buffer
	b.WriteString(magic)
	b.Write(binary.BigEndian.AppendUint32(nil, version))
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	w.Write(words)
	w.Close()
	return b.Bytes()
}

// TestBombTakesNoMemory gives a small delta that would unpack to 32 MiB.
func TestBombTakesNoMemory(t *testing.T) {
	from := snapshot(t, 200, 1).Encode()
	bomb := stream(make([]byte, 1<<25))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Apply(from, bomb, [32]byte{}); err == nil {
		t.Fatal("accepted")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes for a base of %d", took, len(from))
	}
}

func FuzzApply(f *testing.F) {
	base := snapshot(f, 20, 1)
	from := base.Encode()
	f.Add(mustEncode(f, from, moved(f, base, 0.001, 1).Encode()))
	f.Add(stream(nil))
	f.Fuzz(func(t *testing.T, d []byte) {
		file, err := apply(from, d)
		if err != nil {
			return
		}
		// Whatever a delta makes is a file of the same layout, and no one else's name.
		if len(file) != len(from) {
			t.Fatalf("%d bytes out of a base of %d", len(file), len(from))
		}
		if _, err := Apply(from, d, sha256.Sum256(from)); err == nil && !bytes.Equal(file, from) {
			t.Fatal("a file that is not what was asked for")
		}
	})
}

func BenchmarkDelta(b *testing.B) {
	base := snapshot(b, 3706, 1)
	from, to := base.Encode(), moved(b, base, 0.01, 1).Encode()
	d := mustEncode(b, from, to)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(to)))
		for b.Loop() {
			mustEncode(b, from, to)
		}
	})
	b.Run("apply", func(b *testing.B) {
		b.SetBytes(int64(len(to)))
		b.ReportMetric(float64(len(d))/float64(len(to)), "x-size")
		want := sha256.Sum256(to)
		for b.Loop() {
			if _, err := Apply(from, d, want); err != nil {
				b.Fatal(err)
			}
		}
	})
}

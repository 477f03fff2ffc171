package aggregation

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation/ring"
)

func drawWords(t *rapid.T, name string, n int) []uint32 {
	return rapid.SliceOfN(rapid.OneOf(rapid.Uint32(), rapid.SampledFrom([]uint32{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1})), n, n).Draw(t, name)
}

// TestRingArithmeticEqualsPlainLoop takes bytes that are aligned and bytes that are not. Package ring's own tests hold every level to this.
func TestRingArithmeticEqualsPlainLoop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, shift := rapid.IntRange(0, 40).Draw(t, "n"), rapid.IntRange(0, 3).Draw(t, "shift")
		a, b := drawWords(t, "a", n), drawWords(t, "b", n)
		sum, diff := make([]uint32, n), make([]uint32, n)
		wire := make([]byte, shift, shift+4*n)
		for i := range n {
			sum[i] = uint32((uint64(a[i]) + uint64(b[i])) & 0xffffffff)
			diff[i] = uint32((uint64(a[i]) + 1<<32 - uint64(b[i])) & 0xffffffff)
			wire = append(wire, byte(b[i]), byte(b[i]>>8), byte(b[i]>>16), byte(b[i]>>24))
		}
		wire = wire[shift:]
		run := func(name string, want []uint32, do func(dst []uint32)) {
			dst := slices.Clone(a)
			do(dst)
			if !slices.Equal(dst, want) {
				t.Fatalf("%s: %v, want %v", name, dst, want)
			}
		}
		run("Add", sum, func(dst []uint32) { Add(dst, b) })
		run("Sub", diff, func(dst []uint32) { Sub(dst, b) })
		run("AddWords", sum, func(dst []uint32) {
			if err := AddWords(dst, wire, 32); err != nil {
				t.Fatal(err)
			}
		})
		run("DecodeWords", b, func(dst []uint32) {
			if err := DecodeWords(dst, wire, 32); err != nil {
				t.Fatal(err)
			}
		})
		run("reorder", b, func(dst []uint32) { copy(bytesOf(dst), wire); reorder(dst) })
		run("Fill", b, func(dst []uint32) {
			if err := Fill(dst, func(p []byte) error { copy(p, wire); return nil }); err != nil {
				t.Fatal(err)
			}
		})
		if got := AppendWords([]byte{7}, b, 32); got[0] != 7 || !bytes.Equal(got[1:], wire) {
			t.Fatalf("AppendWords: %x, want 07%x", got, wire)
		}
	})
}

func TestAddAndSubOfOtherLengthsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"add": func() { Add(make([]uint32, 9), make([]uint32, 8)) },
		"sub": func() { Sub(make([]uint32, 8), make([]uint32, 9)) },
	} {
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

func TestWordsRefuseEveryOtherLength(t *testing.T) {
	for n := range 20 {
		if n == 12 {
			continue
		}
		dst := []uint32{1, 2, 3}
		b := bytes.Repeat([]byte{9}, n)
		if DecodeWords(dst, b, 32) == nil || AddWords(dst, b, 32) == nil || !slices.Equal(dst, []uint32{1, 2, 3}) {
			t.Errorf("%d bytes for 3 words: accepted, or the vector changed to %v", n, dst)
		}
	}
}

func TestSignedReadsTwosComplement(t *testing.T) {
	got := Signed([]uint32{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1}, 32)
	if want := []int32{0, 1, 1<<31 - 1, -1 << 31, -1}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

// SumHash walks in blocks: lengths around one, and a golden value.
func TestSumHashEqualsHashOfWords(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1023, 1024, 1025, 2049} {
		v := words("sum", n)
		want := id(string(AppendWords(nil, v, 32)))
		if got := SumHash(Signed(v, 32)); got != want {
			t.Errorf("%d words: %x, want %x", n, got, want)
		}
	}
	// sha256 of 01000000 ffffffff
	golden := "b15348c8f462384c01e83b6d499c6faf3f96808f5aa07c6bab4b65b36b4445d4"
	if got := SumHash([]int32{1, -1}); !bytes.Equal(got[:], unhex(t, golden)) {
		t.Errorf("%x, want %s", got, golden)
	}
}

// FuzzWords reads any bytes as words of every size, against a reading byte by byte.
func FuzzWords(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{1, 0, 0, 0}, uint8(0))
	f.Add(bytes.Repeat([]byte{0xff}, 37), uint8(0))
	f.Add(bytes.Repeat([]byte{0xff, 0, 1}, 19), uint8(1))
	f.Add(bytes.Repeat([]byte{0, 0x80}, 19), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		wordBits := []uint16{32, 24, 16}[kind%3]
		v := int(wordBits / 8)
		dst := make([]uint32, len(b)/v)
		err := DecodeWords(dst, b, wordBits)
		if (err == nil) != (len(b)%v == 0) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(AppendWords(nil, dst, wordBits), b) {
			t.Fatal("read back as other bytes")
		}
		doubled, none := slices.Clone(dst), slices.Clone(dst)
		if err := AddWords(doubled, b, wordBits); err != nil {
			t.Fatal(err)
		}
		if err := foldWords(ring.Best(), none, b, wordBits, true); err != nil {
			t.Fatal(err)
		}
		for i := range dst {
			var word uint32
			for k := range v {
				word |= uint32(b[v*i+k]) << (8 * k)
			}
			if dst[i] != word || doubled[i] != 2*word || none[i] != 0 {
				t.Fatalf("word %d of %d bits: %x, twice %x, less itself %x, want %x", i, wordBits, dst[i], doubled[i], none[i], word)
			}
		}
	})
}

package masks

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
)

func shapes() (out []aggregation.Shape) {
	for _, prg := range []uint16{aggregation.PRGAES128, aggregation.PRGAES256, aggregation.PRGChaCha20} {
		for _, bits := range []uint16{32, 24, 16} {
			out = append(out, aggregation.Shape{D: 1, WordBits: bits, PRG: prg})
		}
	}
	return out
}

// TestEveryShapeHasAKernel reads the compiled kernels: each is there, with as many threads as its launches have.
func TestEveryShapeHasAKernel(t *testing.T) {
	ptx, err := kernels.Masks.PTX()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range shapes() {
		k := kernelOf(s)
		names[k.name] = true
		_, body, found := strings.Cut(ptx, ".entry "+k.name+"(")
		if !found {
			t.Fatalf("masks.ptx has no %s", k.name)
		}
		head, _, _ := strings.Cut(body, "{")
		if want := map[int]string{512: ".maxntid 512, 1, 1", 256: ".maxntid 256, 1, 1"}[k.threads]; !strings.Contains(head, want) {
			t.Errorf("%s: want %s in %q", k.name, want, head)
		}
		// The GPUs of compute capability 8.6 and 8.9 have least: 99 KiB a block, 64 Ki registers a processor.
		if k.shared > 99<<10 || k.blocks*k.threads*32 > 64<<10 {
			t.Errorf("%s has %d bytes of shared memory and %d × %d threads: not every GPU does", k.name, k.shared, k.blocks, k.threads)
		}
	}
	if len(names) != 9 {
		t.Errorf("%d kernels for 9 shapes", len(names))
	}
}

// TestSizesAreTheKernels reads them off the source.
func TestSizesAreTheKernels(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "kernels", "masks.cu"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"#define TILE_BYTES 2048u", "#define TABLE_WORDS 16384u", "deep = 4, batch = 8,", "stride = ROUNDS == 10 ? 48 : 64", "deep = 1, batch = 16, stride = 24"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("masks.cu has no %q, which plan.go counts on", want)
		}
	}
}

// TestPiecesBeginWhereKernelsCan: at a whole tile and a whole word.
func TestPiecesBeginWhereKernelsCan(t *testing.T) {
	for _, s := range shapes() {
		k, bytes := kernelOf(s), pieceWords*int(s.WordBits/8)
		if bytes%tileBytes != 0 || bytes%k.block != 0 {
			t.Errorf("%s: a piece of %d bytes is no multiple of tiles and blocks", k.name, bytes)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.IntRange(1, aggregation.MaxWords).Draw(t, "words")
		for n := words; ; {
			h := half(n)
			if h == 0 {
				if n > 16*pieceWords {
					t.Fatalf("%d words are not halved", n)
				}
				return
			}
			if h >= n || h%pieceWords != 0 {
				t.Fatalf("half of %d is %d", n, h)
			}
			n = h
		}
	})
}

// TestItemsFitTheirCounter: a launch has fewer items than a 32-bit counter counts, and runs are what a kernel takes.
func TestItemsFitTheirCounter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(shapes()).Draw(t, "shape")
		s.D = rapid.IntRange(1, aggregation.MaxWords).Draw(t, "d")
		terms, warps := rapid.IntRange(1, batchTerms).Draw(t, "terms"), rapid.IntRange(1, 1<<16).Draw(t, "warps")
		k := kernelOf(s)
		per := k.perItem(s.Bytes(), terms, warps)
		if per < k.batch || per > longestRun || per%k.batch != 0 {
			t.Fatalf("%d keys an item", per)
		}
		tiles := (s.Bytes() + tileBytes - 1) / tileBytes
		if items := tiles * ((terms + per - 1) / per); items+warps >= 1<<32 {
			t.Fatalf("%d items", items)
		}
	})
}

// TestLaunchesEnd: short vectors take all the keys that there is room for, the longest a terabyte's worth.
func TestLaunchesEnd(t *testing.T) {
	for _, c := range []struct{ bytes, terms int }{{1, batchTerms}, {4 << 20, batchTerms}, {32 << 20, batchTerms}, {64 << 20, batchTerms / 2}, {4 * aggregation.MaxWords, 1024}} {
		if got := launchTerms(c.bytes); got != c.terms {
			t.Errorf("%d keys of %d bytes each, want %d", got, c.bytes, c.terms)
		}
	}
}

// TestPartsAreTheList: every term goes to exactly one device.
func TestPartsAreTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := make([]int, rapid.IntRange(0, 50).Draw(t, "terms"))
		for i := range list {
			list[i] = i
		}
		n, next := rapid.IntRange(1, 9).Draw(t, "devices"), 0
		for i := range n {
			mine := part(list, i, n)
			if len(mine) > len(list)/n+1 {
				t.Fatalf("device %d of %d takes %d of %d", i, n, len(mine), len(list))
			}
			for _, v := range mine {
				if v != next {
					t.Fatalf("%d comes where %d should", v, next)
				}
				next++
			}
		}
		if next != len(list) {
			t.Fatalf("%d of %d were given out", next, len(list))
		}
	})
}

func TestRowsAreChecked(t *testing.T) {
	for _, c := range []struct {
		out, rows, count, stride, words int
		ok                              bool
	}{
		{40, 120, 3, 10, 10, true},
		{40, 112, 3, 9, 10, false}, // rows overlap
		{40, 120, 3, 10, 9, true},
		{40, 116, 3, 10, 9, true},
		{40, 112, 3, 10, 9, false}, // one word short
		{36, 120, 3, 10, 10, false},
		{40, 0, 0, 10, 10, true},
		{40, 120, -1, 10, 10, false},
		{40, 120, 3, 10, -1, false},
		{40, 120, 1 << 20, 1 << 40, 10, false},
		{40, 120, 1 << 21, 10, 10, false},
	} {
		err := checkRows(c.out, c.rows, c.count, c.stride, c.words)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, gpu.ErrSize) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAClosedExpanderIsAnError(t *testing.T) {
	e := &Expander{}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Expand(shapes()[0], nil); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}

func TestNoDeviceIsAnError(t *testing.T) {
	if _, err := New(); err == nil || !strings.Contains(err.Error(), "none in the list") {
		t.Errorf("got %v", err)
	}
}

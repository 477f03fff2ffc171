package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/model"
)

// ncfLayout is a layout of n titles.
func ncfLayout(t *testing.T, n, dim, channels int) model.Layout {
	t.Helper()
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	l, err := model.Spec{Family: model.NCFFamily, Dim: dim, Ages: make([]float32, channels)}.Layout(items)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNCFShapesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		dim, channels int
		cuts          uint32
		ok            bool
	}{{128, 8, 64, true}, {1, 1, 1, true}, {129, 8, 64, false}, {128, 9, 64, false}, {128, 8, 65, false}, {32, 2, 0, false}} {
		l := ncfLocal(1, c.cuts, 5, 100, 0)
		s, err := newNCFShape(ncfLayout(t, 50, c.dim, c.channels), l, 10, 64)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrShape) {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && (s.width() < c.dim || s.candidates < 100+5*int(c.cuts) || s.candidates%s.tile() != 0) {
			t.Errorf("%+v: %+v", c, s)
		}
	}
}

// TestNCFSharedMemory wants two blocks a multiprocessor: 227 KiB of shared memory on Hopper, of which each block's own variables and the
// driver's KiB are taken off.
func TestNCFSharedMemory(t *testing.T) {
	for dim, want := range map[int]int{32: 59648, 64: 61952, 128: 84992} {
		s := ncfShape{dim: dim}
		if got := s.shared(); got != want || got > (227<<10)/2-2<<10 {
			t.Errorf("width %d: %d bytes of shared memory, want %d, of which two fit", dim, got, want)
		}
	}
}

// TestNCFRoomIsTheKernels reads struct space of ncf.cu and adds its arrays up: what the kernel takes is what a block is given.
func TestNCFRoomIsTheKernels(t *testing.T) {
	source, err := os.ReadFile("../kernels/ncf.cu")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("needs the kernels' sources beside it, and this binary runs elsewhere")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(source), "METHOD space() {")
	text, _, ok := strings.Cut(text, "METHOD u32 user(")
	if !ok {
		t.Fatal("ncf.cu has no struct space")
	}
	takes := regexp.MustCompile(`at \+= (?:\(u64\))?([^;]+);`).FindAllStringSubmatch(text, -1)
	for _, c := range []struct{ n, dim, channels, cuts, negatives int }{{3706, 32, 2, 8, 250}, {100, 33, 3, 9, 0}, {77, 128, 8, 64, 4096}, {2, 1, 1, 1, 1}} {
		s, err := newNCFShape(ncfLayout(t, c.n, c.dim, c.channels), ncfLocal(1, uint32(c.cuts), 5, uint32(c.negatives), 0), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w, k := s.width(), up(c.cuts, ncfUsers)
		weights := w + w + w/2 + w/2 + w/2*w + 4*w*w // H, C1, C2, O, A2, and P and Q both ways
		values := map[string]int{"n": weights + c.channels*w, "users": k * w, "channels * users": c.channels * k * w, "channels * k": c.channels * k,
			"m": s.candidates, "m * DP": s.candidates * w, "k * m": k * s.candidates}
		total := c.n // owner, which is last
		for _, take := range takes {
			v, known := values[take[1]]
			if !known {
				t.Fatalf("ncf.cu takes %q floats, which this test does not know", take[1])
			}
			total += v
		}
		if s.room < total || s.room >= total+32 {
			t.Errorf("%+v: a room of %d floats, the kernel takes %d", c, s.room, total)
		}
	}
}

package aggregation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/aggregation/aggtest"
	"github.com/cinesync/cinesync/internal/raced"
)

// elsewhere is an Expander that works, up to a number of calls. Then it fails its own way.
type elsewhere struct {
	works int
	fail  func(sum []uint32) ([]uint32, error)
	calls int
}

var errGone = errors.New("the device is gone")

func (e *elsewhere) Expand(s aggregation.Shape, terms []aggregation.Term) ([]uint32, error) {
	e.calls++
	sum := make([]uint32, s.D)
	aggregation.NewMasker(aggregation.Suite{Kex: aggregation.KexX25519, PRG: s.PRG, WordBits: s.WordBits}, slices.Clone(terms)).Add(sum, 0)
	if e.calls <= e.works {
		return sum, nil
	}
	return e.fail(sum)
}

func fails([]uint32) ([]uint32, error)          { return nil, errGone }
func failsHalfway(s []uint32) ([]uint32, error) { return s, errGone }
func isShort(s []uint32) ([]uint32, error)      { return s[:len(s)-1], nil }
func isLong(s []uint32) ([]uint32, error)       { return append(s, 7), nil }

// TestOffloadAccumulatorConforms: whatever becomes of the expander, the sum is the same. The race detector sees the way through both of them
// in one case.
func TestOffloadAccumulatorConforms(t *testing.T) {
	for name, c := range map[string]struct {
		works int
		fail  func([]uint32) ([]uint32, error)
		least int64
	}{
		"Works":           {works: 1 << 30},
		"WorksWhereLarge": {works: 1 << 30, least: 50_000},
		"FailsAtOnce":     {fail: fails},
		"IsShortLater":    {works: 1, fail: isShort},
	} {
		if raced.On() && name != "IsShortLater" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			aggtest.Run(t, func(_ testing.TB, s aggregation.Shape) aggregation.Accumulator {
				return aggregation.NewOffloadAccumulator(s, aggregation.Offload{Expander: &elsewhere{works: c.works, fail: c.fail}, Least: c.least})
			})
		})
	}
}

// TestOffloadSaysWhyOnce: a failing expander is asked once a sum, and its failure told once.
func TestOffloadSaysWhyOnce(t *testing.T) {
	for name, c := range map[string]struct {
		works int
		fail  func([]uint32) ([]uint32, error)
		calls int
		want  string
	}{
		"works":   {works: 9, calls: 3},
		"fails":   {fail: fails, calls: 1, want: "expand 2 masks of 5 words: the device is gone; the CPU expands them"},
		"later":   {works: 1, fail: failsHalfway, calls: 2, want: "the device is gone"},
		"short":   {works: 2, fail: isShort, calls: 3, want: "its sum has 4 words, want 5"},
		"tooLong": {fail: isLong, calls: 1, want: "its sum has 6 words, want 5"},
	} {
		e := &elsewhere{works: c.works, fail: c.fail}
		var said []error
		acc := aggregation.NewOffloadAccumulator(aggregation.Shape{D: 5, WordBits: 32, PRG: aggregation.PRGAES128},
			aggregation.Offload{Expander: e, Failed: func(err error) { said = append(said, err) }})
		for range 3 {
			if err := acc.AddMasks([]aggregation.Term{{Key: [32]byte{1}}, {Key: [32]byte{2}, Negative: true}}); err != nil {
				t.Fatal(err)
			}
		}
		if e.calls != c.calls {
			t.Errorf("%s: asked %d times, want %d", name, e.calls, c.calls)
		}
		if c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || !strings.Contains(said[0].Error(), c.want)) {
			t.Errorf("%s: said %v, want once %q", name, said, c.want)
		}
	}
}

// TestOffloadKeepsSmallWork holds the limit: bytes of keystream, whatever the words.
func TestOffloadKeepsSmallWork(t *testing.T) {
	for _, c := range []struct {
		d, terms int
		bits     uint16
		least    int64
		asked    int
	}{
		{10, 1, 32, 40, 1}, {10, 1, 32, 41, 0}, {10, 2, 24, 60, 1}, {10, 2, 24, 61, 0}, {0, 3, 32, 1, 0}, {10, 0, 32, 0, 0},
	} {
		e := &elsewhere{works: 9}
		acc := aggregation.NewOffloadAccumulator(aggregation.Shape{D: c.d, WordBits: c.bits, PRG: aggregation.PRGAES256},
			aggregation.Offload{Expander: e, Least: c.least})
		if err := acc.AddMasks(make([]aggregation.Term, c.terms)); err != nil {
			t.Fatal(err)
		}
		if e.calls != c.asked {
			t.Errorf("%+v: asked %d times", c, e.calls)
		}
	}
}

func TestOffloadWithoutAnExpanderPanics(t *testing.T) {
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "to nobody") {
			t.Errorf("said %q", said)
		}
	}()
	aggregation.NewOffloadAccumulator(aggregation.Shape{WordBits: 32, PRG: aggregation.PRGAES128}, aggregation.Offload{})
}

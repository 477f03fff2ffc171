package aggregation_test

import (
	"crypto/sha256"
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
	sum := honest(s, slices.Clone(terms))
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

// liar is an Expander that says nothing of what it does wrong.
type liar func(s aggregation.Shape, terms []aggregation.Term) []uint32

func (l liar) Expand(s aggregation.Shape, terms []aggregation.Term) ([]uint32, error) {
	return l(s, slices.Clone(terms)), nil
}

func honest(s aggregation.Shape, terms []aggregation.Term) []uint32 {
	sum := make([]uint32, s.D)
	aggregation.NewMasker(aggregation.Suite{Kex: aggregation.KexX25519, PRG: s.PRG, WordBits: s.WordBits}, terms).Add(sum, 0)
	return sum
}

// keyed are n terms that no other seed gives.
func keyed(seed byte, n int) []aggregation.Term {
	out := make([]aggregation.Term, n)
	for i := range out {
		out[i] = aggregation.Term{Key: sha256.Sum256([]byte{seed, byte(i), byte(i >> 8)}), Negative: i%3 == 0}
	}
	return out
}

// TestOffloadFindsWrongSums: one that computes wrong for a term or in every block is found out, whatever the words, and the round's sum is
// right all the same.
func TestOffloadFindsWrongSums(t *testing.T) {
	lies := map[string]liar{
		"OneWordOfEveryBlock": func(s aggregation.Shape, terms []aggregation.Term) []uint32 {
			sum := honest(s, terms)
			for i := 7; i < len(sum); i += 1024 {
				sum[i] ^= 1 << 31
			}
			return sum
		},
		"WrongSign": func(s aggregation.Shape, terms []aggregation.Term) []uint32 {
			terms[len(terms)-1].Negative = !terms[len(terms)-1].Negative
			return honest(s, terms)
		},
		"OneTermMissing": func(s aggregation.Shape, terms []aggregation.Term) []uint32 { return honest(s, terms[1:]) },
		"OneTermTwice": func(s aggregation.Shape, terms []aggregation.Term) []uint32 {
			return honest(s, append(terms, terms[0]))
		},
		"Nothing": func(s aggregation.Shape, _ []aggregation.Term) []uint32 { return make([]uint32, s.D) },
	}
	for name, lie := range lies {
		for _, s := range []aggregation.Shape{{D: 5_000, WordBits: 32, PRG: aggregation.PRGAES128}, {D: 8, WordBits: 24, PRG: aggregation.PRGChaCha20}, {D: 2_048, WordBits: 16, PRG: aggregation.PRGAES256}} {
			for _, n := range []int{2, 1_500} { // more than one core takes, and less
				var said []error
				acc := aggregation.NewOffloadAccumulator(s, aggregation.Offload{Expander: lie, Failed: func(err error) { said = append(said, err) }})
				want := aggregation.NewAccumulator(s)
				for seed := range byte(2) {
					if err := errors.Join(acc.AddMasks(keyed(seed, n)), want.AddMasks(keyed(seed, n))); err != nil {
						t.Fatal(err)
					}
				}
				if len(said) != 1 || !strings.Contains(said[0].Error(), "it computes wrong without an error") {
					t.Errorf("%s, %+v, %d terms: said %v", name, s, n, said)
				}
				if !slices.Equal(acc.Sum(), want.Sum()) {
					t.Errorf("%s, %+v, %d terms: another sum", name, s, n)
				}
			}
		}
	}
}

// TestOffloadSamplesEveryBlock: one that spoils a single block is found out by some calls, whichever the block, the last, shorter one
// included, and passes with others: that is all that a sample can do.
func TestOffloadSamplesEveryBlock(t *testing.T) {
	s := aggregation.Shape{D: 3*1024 + 1, WordBits: 32, PRG: aggregation.PRGAES128}
	for block := range 4 {
		spoils := liar(func(s aggregation.Shape, terms []aggregation.Term) []uint32 {
			sum := honest(s, terms)
			sum[1024*block]++
			return sum
		})
		found := 0
		for seed := range byte(64) {
			acc := aggregation.NewOffloadAccumulator(s, aggregation.Offload{Expander: spoils, Failed: func(error) { found++ }})
			if err := acc.AddMasks(keyed(seed, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if found < 6 || found > 32 { // 16 of 64 are expected
			t.Errorf("block %d: found %d times in 64", block, found)
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

package privacy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// worstByTrying looks at every set of rounds.
func worstByTrying(charges []RoundCharge, p, b uint32, ceiling Units) Units {
	var best Units
	for set := range 1 << len(charges) {
		var sum Units
		var chosen []uint64
		for i, c := range charges {
			if set>>i&1 == 0 {
				continue
			}
			sum = sum.capped(c.Units, ceiling)
			chosen = append(chosen, c.Round)
		}
		if len(chosen) <= int(p) && spaced(chosen, uint64(b)) {
			best = max(best, sum)
		}
	}
	return min(best, ceiling)
}

func spaced(rounds []uint64, b uint64) bool {
	for i, x := range rounds {
		for _, y := range rounds[:i] {
			if max(x, y)-min(x, y) < b {
				return false
			}
		}
	}
	return true
}

func TestWorstCaseIsTheBestOfAllSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		charges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) RoundCharge {
			return RoundCharge{
				Round: rapid.OneOf(rapid.Uint64Range(0, 15), rapid.Uint64Range(math.MaxUint64-9, math.MaxUint64)).Draw(t, "round"),
				Units: Units(rapid.OneOf(rapid.Uint64Range(0, 9), rapid.Uint64Min(1<<62)).Draw(t, "units")),
			}
		}), 0, 9).Draw(t, "charges")
		p, b := rapid.Uint32Range(0, 10).Draw(t, "p"), rapid.Uint32Range(0, 6).Draw(t, "b")
		ceiling := Units(rapid.OneOf(rapid.Uint64Range(0, 40), rapid.Just(uint64(math.MaxUint64))).Draw(t, "ceiling"))
		got, want := WorstCase(charges, p, b, ceiling), worstByTrying(charges, p, b, ceiling)
		if got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}

func TestWorstCaseOfEqualRounds(t *testing.T) {
	const units = 1000
	for _, rounds := range []int{0, 1, 2, 7, 100, 5000} {
		for _, p := range []uint32{0, 1, 10, 30, math.MaxUint32} {
			for _, b := range []uint32{1, 2, 3, 50} {
				charges := make([]RoundCharge, rounds)
				for i := range charges {
					charges[i] = RoundCharge{Round: uint64(i + 1), Units: units}
				}
				fit := (rounds + int(b) - 1) / int(b)
				want := Units(min(int(p), fit) * units)
				if got := WorstCase(charges, p, b, math.MaxUint64); got != want {
					t.Errorf("%d rounds, P = %d, b = %d: %d, want %d", rounds, p, b, got, want)
				}
				if got := WorstCase(charges, p, b, 1500); got != min(want, 1500) {
					t.Errorf("%d rounds, P = %d, b = %d under a ceiling: %d", rounds, p, b, got)
				}
			}
		}
	}
}

// A ledger that keeps to P and b within one period never spends more than the worst case over the rounds that were open to it.
func TestWorstCaseBoundsEveryLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{Ceiling: 300, Participations: rapid.Uint32Range(0, 8).Draw(t, "p"), Spacing: rapid.Uint32Range(0, 4).Draw(t, "b")}
		l := NewLedger(limits)
		var open []RoundCharge
		for r := range uint64(25) {
			d := Debit{Round: r, Units: Units(rapid.Uint64Range(1, 60).Draw(t, "units"))}
			open = append(open, RoundCharge{Round: r, Units: d.Units})
			if e, err := l.Next(d); err == nil && rapid.Bool().Draw(t, "takes part") {
				if err := l.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			if bound := WorstCase(open, limits.Participations, limits.Spacing, limits.Ceiling); l.Spent() > bound {
				t.Fatalf("spent %d, bound %d", l.Spent(), bound)
			}
		}
	})
}

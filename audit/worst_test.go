package audit

import (
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// slowly is what take has to return: every question's worst case over all of its rounds, computed afresh.
type slowly map[[32]byte]*struct {
	rounds []RoundCost
	p, b   uint32
}

func (s slowly) take(question [32]byte, c RoundCost, p, b uint32) (onQuestion, inAll uint64) {
	if s[question] == nil {
		s[question] = &struct {
			rounds []RoundCost
			p, b   uint32
		}{p: p, b: b}
	}
	acc := s[question]
	acc.rounds, acc.p, acc.b = append(acc.rounds, c), max(acc.p, p), min(acc.b, b)
	worst := testRules().WorstCase
	for _, other := range s {
		sum, carry := bits.Add64(inAll, worst(other.rounds, other.p, other.b, math.MaxUint64), 0)
		if inAll = sum; carry > 0 {
			return worst(acc.rounds, acc.p, acc.b, math.MaxUint64), math.MaxUint64
		}
	}
	return worst(acc.rounds, acc.p, acc.b, math.MaxUint64), inAll
}

// drawTerms draws a round's limits: mostly those of the round before, as logs have them.
func drawTerms(t *rapid.T, p, b uint32) (uint32, uint32) {
	if p == 0 && b == 0 || rapid.IntRange(0, 9).Draw(t, "new terms") == 0 {
		return rapid.OneOf(rapid.Uint32Range(0, 8), rapid.Uint32()).Draw(t, "P"), rapid.OneOf(rapid.Uint32Range(0, 6), rapid.Uint32()).Draw(t, "b")
	}
	return p, b
}

// TestLedgerIsTheWorstCaseOfEveryRoundAfresh holds the account that is extended round by round against Rules.WorstCase over all rounds.
func TestLedgerIsTheWorstCaseOfEveryRoundAfresh(t *testing.T) {
	rules := testRules()
	rapid.Check(t, func(t *rapid.T) {
		fast, slow := newLedger(), slowly{}
		units := rapid.SampledFrom([]*rapid.Generator[uint64]{rapid.Just(uint64(5)), rapid.Uint64Range(0, 9), rapid.Uint64Range(1<<62, 1<<64-1)}).Draw(t, "units")
		step := rapid.SampledFrom([]*rapid.Generator[uint64]{rapid.Just(uint64(1)), rapid.Uint64Range(0, 5), rapid.Uint64Range(0, 1<<58)}).Draw(t, "steps")
		jumps := rapid.IntRange(0, 3).Draw(t, "rounds jump about") == 0
		var round uint64
		var p, b uint32
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			round += step.Draw(t, "step")
			if jumps {
				round = rapid.Uint64Range(0, 12).Draw(t, "round")
			}
			p, b = drawTerms(t, p, b)
			question := h(rapid.ByteRange(1, 3).Draw(t, "question"))
			cost := RoundCost{Round: round, Units: units.Draw(t, "cost")}
			thisMay, allMay := fast.wouldTake(&rules, question, cost, p, b)
			this, all := fast.take(&rules, question, cost, p, b)
			wantThis, wantAll := slow.take(question, cost, p, b)
			if this != wantThis || all != wantAll || all != fast.bound() {
				t.Fatalf("round %d at P = %d, b = %d: %d of %d, want %d of %d", round, p, b, this, all, wantThis, wantAll)
			}
			if thisMay != this || allMay != all {
				t.Fatalf("round %d would take %d of %d, and took %d of %d", round, thisMay, allMay, this, all)
			}
		}
	})
}

// TestLedgerKnowsTheAnswersOfTheDesign: equal rounds in a row cost min(P, ⌈rounds/b⌉)·units (design: privacy 8.3).
func TestLedgerKnowsTheAnswersOfTheDesign(t *testing.T) {
	rules := testRules()
	for _, tt := range []struct{ p, b uint32 }{{4, 1}, {30, 1}, {10, 2}, {60, 1}, {7, 5}, {1, 9}, {0, 1}, {1000, 1}, {1000, 7}} {
		l := newLedger()
		for i := range uint64(200) {
			_, got := l.take(&rules, h(1), RoundCost{Round: 100 + i, Units: 3}, tt.p, tt.b)
			if want := 3 * min(uint64(tt.p), i/uint64(tt.b)+1); got != want {
				t.Fatalf("P = %d, b = %d, %d rounds: %d, want %d", tt.p, tt.b, i+1, got, want)
			}
		}
	}
}

// TestAccountKeepsLittle: a log made to be slow takes time, and not memory.
func TestAccountKeepsLittle(t *testing.T) {
	rules := testRules()
	acc := newAccount(1<<31, 1000)
	for i := range uint64(2530) { // far apart, so that the lists are long; then close together, so that many are kept
		c := RoundCost{Round: i * 1000, Units: i}
		if i > 2000 {
			c.Round = 2000*1000 + i
		}
		acc.take(&rules, c, 1<<31, 1000)
		kept := 0
		for _, s := range acc.sums {
			kept += len(s)
		}
		if kept > maxSums+4000 {
			t.Fatalf("after %d rounds %d sums are kept", i+1, kept)
		}
	}
	if !acc.afresh {
		t.Fatal("the bound was never met: this test shows nothing")
	}
	if want := rules.WorstCase(acc.rounds, acc.p, acc.b, math.MaxUint64); acc.most != want {
		t.Errorf("%d after the turn, want %d", acc.most, want)
	}
}

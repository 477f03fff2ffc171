package privacy

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// ruled is a ledger under one policy, with three questions that may have all of it and a period that began at 1000.
func ruled(t testing.TB, ceiling Units) *Population {
	t.Helper()
	p := NewPopulation()
	p.Policy(ceiling, 100)
	for q := range byte(3) {
		p.Ask(question(q), 10000)
	}
	if err := p.Open(question(0), 1000); err != nil {
		t.Fatal(err)
	}
	return p
}

func debit(round uint64, q byte, units Units, p, b uint32) RoundDebit {
	return RoundDebit{Round: round, Question: question(q), Units: units, P: p, B: b}
}

// slow is what a period's figures have to be: WorstCase over all rounds of each question, computed afresh.
type slow map[[32]byte][]RoundDebit

func (s slow) standing(q [32]byte) (out Standing) {
	for other, list := range s {
		var charges []RoundCharge
		p, b := uint32(0), uint32(math.MaxUint32)
		for _, d := range list {
			charges = append(charges, RoundCharge{Round: d.Round, Units: d.Units})
			p, b = max(p, d.P), min(b, d.B)
		}
		most := WorstCase(charges, p, b, math.MaxUint64)
		out.Total = out.Total.capped(most, math.MaxUint64)
		if other == q {
			out.OnQuestion = most
		}
	}
	return out
}

// TestPopulationIsTheWorstCaseOfItsRounds holds the ledger that is extended round by round against one that computes every
// figure afresh: it takes exactly what fits under the ceiling and the share, and a refusal changes nothing.
func TestPopulationIsTheWorstCaseOfItsRounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ceiling := Units(rapid.OneOf(rapid.Uint64Range(0, 60), rapid.Just(uint64(math.MaxUint64))).Draw(t, "ceiling"))
		p, rounds := NewPopulation(), slow{}
		p.Policy(ceiling, 100)
		share := rapid.SliceOfN(rapid.SampledFrom([]uint32{0, 3000, 9999, 10000, 20000}), 3, 3).Draw(t, "shares")
		for q, bp := range share {
			p.Ask(question(byte(q)), bp)
		}
		if err := p.Open(question(0), 1); err != nil {
			t.Fatal(err)
		}
		units := rapid.SampledFrom([]*rapid.Generator[uint64]{rapid.Just(uint64(5)), rapid.Uint64Range(1, 9), rapid.Uint64Range(1<<62, 1<<64-1)}).Draw(t, "units")
		terms := rapid.SampledFrom([][2]uint32{{3, 0}, {3, 1}, {2, 2}, {4, 3}, {0, 2}, {math.MaxUint32, 5}, {math.MaxUint32, 1}}).Draw(t, "terms")
		rising := rapid.IntRange(0, 3).Draw(t, "order") > 0
		seen := map[uint64]bool{}
		for n := range uint64(rapid.IntRange(1, 40).Draw(t, "rounds")) {
			if rapid.IntRange(0, 9).Draw(t, "new terms") == 0 {
				terms = [2]uint32{rapid.Uint32Range(0, 6).Draw(t, "P"), rapid.Uint32Range(0, 5).Draw(t, "b")}
			}
			round := 2*n + rapid.Uint64Range(0, 1).Draw(t, "step")
			if !rising {
				round = rapid.Uint64Range(0, 200).Draw(t, "round")
			}
			if seen[round] {
				continue
			}
			d := debit(round, rapid.ByteRange(0, 2).Draw(t, "question"), Units(units.Draw(t, "cost")), terms[0], terms[1])
			before, list := p.Spent(), rounds[d.Question]
			rounds[d.Question] = append(list, d)
			want := rounds.standing(d.Question)
			bp := uint64(share[d.Question[0]])
			allowed := want.Total <= ceiling && want.Total < math.MaxUint64 && (bp >= 10000 || want.OnQuestion <= Units(uint64(ceiling)/10000*bp+uint64(ceiling)%10000*bp/10000))
			would, mayErr := p.Would(d, 50)
			if p.Spent() != before {
				t.Fatal("Would changed the ledger")
			}
			got, err := p.Debit(d)
			if allowed != (err == nil) || allowed != (mayErr == nil) {
				t.Fatalf("%+v under %d: Debit says %v and Would %v, want %v", d, ceiling, err, mayErr, want)
			}
			if err != nil {
				rounds[d.Question] = list
				if p.Spent() != before || !errors.Is(err, ErrCeiling) && !errors.Is(err, ErrShare) {
					t.Fatalf("a refusal changed the ledger, or does not say why: %v", err)
				}
				continue
			}
			seen[round] = true
			if got != want || would != want || p.Spent() != want.Total {
				t.Fatalf("%+v: %+v, and %+v before, want %+v", d, got, would, want)
			}
		}
	})
}

func TestSameDebitAgainChangesNothing(t *testing.T) {
	p := ruled(t, 100)
	d := debit(1, 0, 30, 10, 1)
	first, err := p.Debit(d)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, err := p.Debit(d); err != nil || again != first {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
	for name, change := range map[string]func(*RoundDebit){
		"less": func(d *RoundDebit) { d.Units-- }, "more": func(d *RoundDebit) { d.Units++ }, "nothing": func(d *RoundDebit) { d.Units = 0 },
		"another question": func(d *RoundDebit) { d.Question = question(1) }, "another P": func(d *RoundDebit) { d.P = 1 },
		"another b": func(d *RoundDebit) { d.B = 7 },
	} {
		other := d
		change(&other)
		if _, err := p.Debit(other); !errors.Is(err, ErrRecharged) || p.Spent() != 30 {
			t.Errorf("%s: %v, spent %d", name, err, p.Spent())
		}
		if _, err := p.Would(other, 1000); !errors.Is(err, ErrRecharged) {
			t.Errorf("%s: it would be taken: %v", name, err)
		}
	}
	// Nor does a later period forget it.
	p.Policy(100, 100)
	if err := p.Open(question(0), 1100); err != nil || p.Spent() != 0 {
		t.Fatalf("no new period: %v, spent %d", err, p.Spent())
	}
	if s, err := p.Debit(d); err != nil || s.Total != 0 {
		t.Errorf("a debit of the period before: %+v, %v", s, err)
	}
}

func TestPeriodsBeginWithAPolicyAndTheFirstRoundAfterIt(t *testing.T) {
	spend := func(t *testing.T, p *Population, round uint64) Units {
		t.Helper()
		s, err := p.Debit(debit(round, 0, 10, 100, 1))
		if err != nil {
			t.Fatal(err)
		}
		return s.Total
	}
	for _, tt := range []struct {
		name   string
		policy bool
		at     uint64
		want   Units // after one round before and one after
	}{
		{"time alone ends none", false, 5000, 20},
		{"a policy too early", true, 1099, 20},
		{"a policy in time", true, 1100, 10},
		{"a policy late", true, 9000, 10},
		{"the end of time", true, math.MaxUint64, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ruled(t, 100)
			spend(t, p, 1)
			if tt.policy {
				p.Policy(100, 7)
			}
			if p.Spent() != 10 {
				t.Error("a policy alone gave something back")
			}
			if err := p.Open(question(0), tt.at); err != nil {
				t.Fatal(err)
			}
			if got := spend(t, p, 2); got != tt.want {
				t.Errorf("%d spent, want %d", got, tt.want)
			}
			// A policy counts for the first round after it alone, and the period keeps the length it began with.
			if err := p.Open(question(0), math.MaxUint64); err != nil {
				t.Fatal(err)
			}
			if got := spend(t, p, 3); got != tt.want+10 {
				t.Errorf("%d spent after a round without a policy, want %d", got, tt.want+10)
			}
		})
	}
}

func TestNothingIsAllowedBeforeItsTime(t *testing.T) {
	p := NewPopulation()
	d := debit(1, 0, 1, 1, 1)
	refused := func(when string) {
		t.Helper()
		_, err1 := p.Debit(d)
		_, err2 := p.Would(d, 1)
		if err1 == nil || err2 == nil || p.Spent() != 0 {
			t.Errorf("%s: %v, %v", when, err1, err2)
		}
	}
	refused("before everything")
	if err := p.Open(d.Question, 1); err == nil {
		t.Error("a round was opened without a policy")
	}
	p.Policy(10, 10)
	refused("before the question")
	if err := p.Open(d.Question, 1); !errors.Is(err, ErrShare) {
		t.Errorf("a round of no question: %v", err)
	}
	p.Ask(d.Question, 10000)
	if _, err := p.Debit(d); err == nil {
		t.Error("a round was debited that was not opened")
	}
	if _, ok := p.PeriodEnd(); ok {
		t.Error("a period has an end before its first round")
	}
	if err := p.Open(d.Question, 1); err != nil {
		t.Fatal(err)
	}
	if end, ok := p.PeriodEnd(); !ok || end != 11 {
		t.Errorf("the period ends at %d, %v", end, ok)
	}
	if _, err := p.Debit(d); err != nil {
		t.Error(err)
	}
}

func TestExhaustedQuestionWaitsForAPeriod(t *testing.T) {
	p := ruled(t, 100)
	p.Exhaust(question(0))
	if err := p.Open(question(0), 1050); !errors.Is(err, ErrCeiling) {
		t.Errorf("opened: %v", err)
	}
	if _, err := p.Would(debit(1, 0, 1, 9, 1), 1050); !errors.Is(err, ErrCeiling) {
		t.Errorf("it would be taken: %v", err)
	}
	if err := p.Open(question(1), 1050); err != nil || p.Exhausted(question(1)) {
		t.Errorf("another question: %v", err)
	}
	p.Policy(100, 100)
	if err := p.Open(question(0), 1099); !errors.Is(err, ErrCeiling) {
		t.Errorf("opened before the period's time: %v", err)
	}
	if _, err := p.Would(debit(1, 0, 100, 9, 1), 1100); err != nil {
		t.Errorf("in the next period: %v", err)
	}
	if err := p.Open(question(0), 1100); err != nil || p.Exhausted(question(0)) {
		t.Errorf("in the next period: %v", err)
	}
}

// TestAccountKeepsLittle: terms made to be slow cost time, and not memory, and the figure stays right.
func TestAccountKeepsLittle(t *testing.T) {
	a := newAccount(1<<31, 1000)
	for i := range uint64(2530) { // far apart, so that the lists are long; then close together, so that many are kept
		c := RoundCharge{Round: i * 1000, Units: Units(i)}
		if i > 2000 {
			c.Round = 2000*1000 + i
		}
		_, take := a.propose(c, 1<<31, 1000)
		take()
		if kept := a.kept; kept > maxKept+4000 {
			t.Fatalf("after %d rounds %d sums are kept", i+1, kept)
		}
	}
	if !a.plain {
		t.Fatal("the bound was never met: this test shows nothing")
	}
	if want := WorstCase(a.rounds, a.p, a.b, math.MaxUint64); a.most != want {
		t.Errorf("%d after the turn, want %d", a.most, want)
	}
}

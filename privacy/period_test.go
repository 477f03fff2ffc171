package privacy

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestLedgerKnowsItsPeriod: which entry began it, when, and what was last paid for.
func TestLedgerKnowsItsPeriod(t *testing.T) {
	l := NewLedger(Limits{Ceiling: 100, Participations: 10})
	wants := func(seq, start, last uint64, charged bool) {
		t.Helper()
		if s, at := l.Period(); s != seq || at != start || l.LastCharge() != last || l.Charged() != charged {
			t.Errorf("period entry %d at %d, last charge %d, charged %v", s, at, l.LastCharge(), l.Charged())
		}
	}
	pay := func(round, index uint64) {
		t.Helper()
		if _, err := l.Pay(Debit{Round: round, Units: 1, LogIndex: index}, func(Entry) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	wants(0, 0, 0, false)
	pay(1, 7)
	wants(0, 0, 7, true)
	e, err := l.NextPeriod(50, 9)
	if err != nil {
		t.Fatal(err)
	}
	clone := l.Clone()
	if err := l.Apply(e); err != nil {
		t.Fatal(err)
	}
	wants(2, 50, 7, true)
	pay(2, 12)
	wants(2, 50, 12, true)
	if seq, start := clone.Period(); seq != 0 || start != 0 || clone.Spent() != 1 || clone.Participations([32]byte{}) != 1 || clone.LastCharge() != 7 {
		t.Errorf("the clone changed with the ledger")
	}
	if err := clone.Apply(e); err != nil {
		t.Errorf("the clone goes on by itself: %v", err)
	}
}

// TestSharesAreRoundedDown, and a question stops at its own whatever is left of the ceiling.
func TestSharesAreRoundedDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ceiling, bp := Units(rapid.Uint64().Draw(t, "ceiling")), rapid.Uint32Range(0, 9999).Draw(t, "share")
		want := new(big.Int).Mul(new(big.Int).SetUint64(uint64(ceiling)), big.NewInt(int64(bp)))
		if got := Share(ceiling, bp); new(big.Int).SetUint64(uint64(got)).Cmp(want.Div(want, big.NewInt(10000))) != 0 {
			t.Fatalf("%d of %d is %d, want %v", bp, ceiling, got, want)
		}
	})
	for _, bp := range []uint32{10000, 10001, math.MaxUint32} {
		if Share(math.MaxUint64, bp) != math.MaxUint64 {
			t.Errorf("%d basis points are not all", bp)
		}
	}
	l := NewLedger(Limits{Ceiling: 100, Participations: 10})
	one, other := Debit{Round: 1, Question: [32]byte{1}, Units: 30}, Debit{Round: 1, Question: [32]byte{2}, Units: 30}
	e, err := l.Next(one)
	if err := errors.Join(err, l.Apply(e)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		d     Debit
		share Units
		fits  bool
	}{{one, 60, true}, {one, 59, false}, {other, 30, true}, {other, 29, false}, {Debit{Question: [32]byte{1}, Units: math.MaxUint64}, math.MaxUint64, false}} {
		if err := l.CheckShare(c.share, c.d); (err == nil) != c.fits || err != nil && !errors.Is(err, ErrShare) {
			t.Errorf("%d units of a share of %d: %v", c.d.Units, c.share, err)
		}
	}
}

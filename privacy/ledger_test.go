package privacy

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// pay takes one charge through the ledger and returns its entry.
func pay(t rapid.TB, l *Ledger, d Debit) Entry {
	t.Helper()
	e, err := l.Next(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(e); err != nil {
		t.Fatal(err)
	}
	return e
}

func question(n byte) [32]byte { return [32]byte{0: n, 31: 0xC5} }

// state is all that a ledger answers.
type state struct {
	seq, start uint64
	head       [32]byte
	spent      Units
	on         [3]Units
	times      [3]uint32
}

func observe(l *Ledger) state {
	s := state{spent: l.Spent(), start: l.PeriodStart()}
	s.seq, s.head = l.Head()
	for i := range s.on {
		s.on[i], s.times[i] = l.SpentOn(question(byte(i))), l.Participations(question(byte(i)))
	}
	return s
}

// randomDebit asks for something that the limits below allow about half of the time.
func randomDebit(t *rapid.T) Debit {
	return Debit{
		Round:    rapid.Uint64Range(0, 60).Draw(t, "round"),
		Question: question(byte(rapid.IntRange(0, 2).Draw(t, "question"))),
		OpenHash: [32]byte{1: rapid.Byte().Draw(t, "open")},
		SID:      [32]byte{2: rapid.Byte().Draw(t, "sid")},
		Units:    Units(rapid.OneOf(rapid.Uint64Range(0, 40), rapid.Uint64()).Draw(t, "units")),
		LogIndex: rapid.Uint64().Draw(t, "index"),
	}
}

func TestSpendingOnlyGrowsAndStopsAtTheCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{
			Ceiling:        Units(rapid.Uint64Range(0, 200).Draw(t, "ceiling")),
			Participations: rapid.Uint32Range(0, 6).Draw(t, "p"),
			Spacing:        rapid.Uint32Range(0, 5).Draw(t, "b"),
		}
		l := NewLedger(limits)
		var entries []Entry
		model := make(map[[32]byte][]uint64) // rounds answered this period
		last := make(map[[32]byte]uint64)
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
				e, err := l.NextPeriod(rapid.Uint64().Draw(t, "at"), 7)
				if err != nil || l.Apply(e) != nil {
					t.Fatalf("new period: %v", err)
				}
				if l.Spent() != 0 || l.Participations(question(0)) != 0 || l.PeriodStart() != e.At {
					t.Fatal("a new period does not start from zero")
				}
				clear(model)
				entries = append(entries, e)
				continue
			}
			d := randomDebit(t)
			before := observe(l)
			e, err := l.Next(d)
			if observe(l) != before {
				t.Fatal("Next changed the ledger")
			}
			wasLast, answered := last[d.Question]
			fits := d.Units > 0 && d.Units <= limits.Ceiling && before.spent+d.Units <= limits.Ceiling
			allowed := fits && len(model[d.Question]) < int(limits.Participations) &&
				(!answered || d.Round >= wasLast && d.Round-wasLast >= uint64(limits.Spacing))
			if allowed != (err == nil) {
				t.Fatalf("%+v under %+v after %v: %v", d, limits, model[d.Question], err)
			}
			if err != nil {
				continue
			}
			if err := l.Apply(e); err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
			model[d.Question] = append(model[d.Question], d.Round)
			last[d.Question] = d.Round
			if l.Spent() != before.spent+d.Units || l.Spent() > limits.Ceiling {
				t.Fatalf("spent %d, after %d + %d under %d", l.Spent(), before.spent, d.Units, limits.Ceiling)
			}
			if int(l.Participations(d.Question)) != len(model[d.Question]) {
				t.Fatalf("%d participations, want %d", l.Participations(d.Question), len(model[d.Question]))
			}
		}
		again, err := Replay(limits, entries)
		if err != nil {
			t.Fatal(err)
		}
		if observe(again) != observe(l) {
			t.Fatalf("replayed %+v, lived %+v", observe(again), observe(l))
		}
		// The next answers agree as well, so the rounds were remembered.
		d := randomDebit(t)
		_, err1 := l.Next(d)
		_, err2 := again.Next(d)
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("lived says %v, replayed says %v", err1, err2)
		}
	})
}

// chain is a ledger with every kind of entry in it.
func chain(t rapid.TB) (Limits, []Entry) {
	limits := Limits{Ceiling: 1000, Participations: 10, Spacing: 2}
	l := NewLedger(limits)
	var es []Entry
	period := func() {
		e, err := l.NextPeriod(1_700_000_000, 3)
		if err != nil || l.Apply(e) != nil {
			t.Fatal("new period refused")
		}
		es = append(es, e)
	}
	period()
	for i := range uint64(3) {
		es = append(es, pay(t, l, Debit{Round: 2*i + 1, Question: question(1), OpenHash: [32]byte{9, byte(i)}, SID: [32]byte{8, byte(i)}, Units: 300, LogIndex: 10 * i}))
	}
	period()
	es = append(es, pay(t, l, Debit{Round: 9, Question: question(2), Units: 1000, LogIndex: 55}))
	return limits, es
}

func encode(es []Entry) (rows [][]byte) {
	for _, e := range es {
		rows = append(rows, e.Append(nil))
	}
	return rows
}

// load is what a store does: parse every row, then replay.
func load(limits Limits, rows [][]byte) (*Ledger, error) {
	var es []Entry
	for _, b := range rows {
		e, err := ParseEntry(b)
		if err != nil {
			return nil, err
		}
		es = append(es, e)
	}
	return Replay(limits, es)
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	limits, es := chain(t)
	rows := encode(es)
	if _, err := load(limits, rows); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		for bit := range 8 * len(row) {
			row[bit/8] ^= 1 << (bit % 8)
			if _, err := load(limits, rows); !errors.Is(err, ErrBroken) {
				t.Errorf("entry %d, bit %d: %v", i+1, bit, err)
			}
			row[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// A hand that repairs an entry's own hash still breaks the link of the next one.
func TestChangedEntryWithAFreshHashBreaksTheChain(t *testing.T) {
	limits, es := chain(t)
	changes := map[string]func(*Entry){
		"seq": func(e *Entry) { e.Seq++ }, "round": func(e *Entry) { e.Round++ }, "question": func(e *Entry) { e.Question[5]++ },
		"open hash": func(e *Entry) { e.OpenHash[5]++ }, "sid": func(e *Entry) { e.SID[5]++ }, "units": func(e *Entry) { e.Units-- },
		"cumulative": func(e *Entry) { e.Cumulative-- }, "log index": func(e *Entry) { e.LogIndex++ },
		"at": func(e *Entry) { e.At++ }, "prev": func(e *Entry) { e.Prev[5]++ }, "kind": func(e *Entry) { e.Kind ^= 3 },
	}
	for name, change := range changes {
		for i := range es[:len(es)-1] {
			forged := slices.Clone(es)
			change(&forged[i])
			if _, err := Replay(limits, forged); !errors.Is(err, ErrBroken) {
				t.Errorf("%s of entry %d: %v", name, i+1, err)
			}
		}
	}
}

func TestMissingRepeatedAndMovedEntriesAreRefused(t *testing.T) {
	limits, es := chain(t)
	for i := range es {
		if i < len(es)-1 && (i > 0 || es[1].Kind == EntryPeriod) {
			if _, err := Replay(limits, slices.Delete(slices.Clone(es), i, i+1)); !errors.Is(err, ErrBroken) {
				t.Errorf("without entry %d: %v", i+1, err)
			}
		}
		if _, err := Replay(limits, slices.Insert(slices.Clone(es), i, es[i])); !errors.Is(err, ErrBroken) {
			t.Errorf("entry %d twice: %v", i+1, err)
		}
		for j := range i {
			moved := slices.Clone(es)
			moved[i], moved[j] = moved[j], moved[i]
			if _, err := Replay(limits, moved); !errors.Is(err, ErrBroken) {
				t.Errorf("entries %d and %d exchanged: %v", j+1, i+1, err)
			}
		}
	}
	if _, err := Replay(limits, es[1:]); !errors.Is(err, ErrBroken) {
		t.Errorf("without the beginning: %v", err)
	}
}

func TestCutEndShowsInTheHead(t *testing.T) {
	limits, es := chain(t)
	l, err := Replay(limits, es[:len(es)-1])
	if err != nil {
		t.Fatal(err)
	}
	if seq, hash := l.Head(); seq != uint64(len(es)-1) || hash != es[len(es)-2].Hash() {
		t.Errorf("head is %d", seq)
	}
}

func TestHardStops(t *testing.T) {
	limits := Limits{Ceiling: 100, Participations: 3, Spacing: 4}
	l := NewLedger(limits)
	pay(t, l, Debit{Round: 10, Question: question(1), Units: 60})
	for _, c := range []struct {
		name string
		d    Debit
		want error
	}{
		{"the exact unit", Debit{Round: 14, Question: question(1), Units: 40}, nil},
		{"one unit more", Debit{Round: 14, Question: question(1), Units: 41}, ErrCeiling},
		{"a sum past 64 bits", Debit{Round: 14, Question: question(1), Units: 1<<64 - 1}, ErrCeiling},
		{"one round too close", Debit{Round: 13, Question: question(1), Units: 1}, ErrSpacing},
		{"the same round", Debit{Round: 10, Question: question(1), Units: 1}, ErrSpacing},
		{"an earlier round", Debit{Round: 2, Question: question(1), Units: 1}, ErrSpacing},
		{"another question in the same round", Debit{Round: 10, Question: question(2), Units: 1}, nil},
	} {
		if _, err := l.Next(c.d); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := l.Next(Debit{Round: 14, Question: question(1)}); err == nil {
		t.Error("a charge of nothing was accepted")
	}
	pay(t, l, Debit{Round: 14, Question: question(1), Units: 1})
	pay(t, l, Debit{Round: 18, Question: question(1), Units: 1})
	if _, err := l.Next(Debit{Round: 22, Question: question(1), Units: 1}); !errors.Is(err, ErrParticipations) {
		t.Errorf("a fourth participation: %v", err)
	}
	if _, err := NewLedger(Limits{}).Next(Debit{Round: 1, Units: 1}); !errors.Is(err, ErrCeiling) {
		t.Errorf("limits of nothing: %v", err)
	}
}

func TestSpacingHoldsAcrossPeriods(t *testing.T) {
	l := NewLedger(Limits{Ceiling: 100, Participations: 1, Spacing: 4})
	pay(t, l, Debit{Round: 10, Question: question(1), Units: 100})
	e, err := l.NextPeriod(5, 6)
	if err != nil || l.Apply(e) != nil {
		t.Fatal("new period refused")
	}
	if _, err := l.Next(Debit{Round: 12, Question: question(1), Units: 1}); !errors.Is(err, ErrSpacing) {
		t.Errorf("two rounds after the last: %v", err)
	}
	pay(t, l, Debit{Round: 14, Question: question(1), Units: 100})
}

func TestNarrowedPolicyKeepsThePastAndStopsTheFuture(t *testing.T) {
	wide, es := chain(t)
	narrow := wide.Stricter(Limits{Ceiling: 10, Participations: 50, Spacing: 9})
	if narrow != (Limits{Ceiling: 10, Participations: 10, Spacing: 9}) {
		t.Fatalf("stricter of both is %+v", narrow)
	}
	l, err := Replay(narrow, es)
	if err != nil {
		t.Fatal(err)
	}
	if l.Spent() != 1000 {
		t.Errorf("spent %d", l.Spent())
	}
	if _, err := l.Next(Debit{Round: 100, Question: question(1), Units: 1}); !errors.Is(err, ErrCeiling) {
		t.Errorf("after narrowing: %v", err)
	}
}

func TestReopenedLedgerIsAheadOfEveryOldCopy(t *testing.T) {
	limits, es := chain(t)
	first := Reopen(41, [32]byte{1, 2, 3}, 99, 4)
	l, err := Replay(limits, []Entry{first})
	if err != nil {
		t.Fatal(err)
	}
	if seq, _ := l.Head(); seq != 42 || l.Spent() != 0 {
		t.Errorf("reopened at %d with %d spent", seq, l.Spent())
	}
	next := pay(t, l, Debit{Round: 1, Question: question(1), Units: 5})
	if _, err := Replay(limits, []Entry{first, next}); err != nil {
		t.Error(err)
	}
	// In a chain that is whole it does not fit.
	if _, err := Replay(limits, append(slices.Clone(es), first)); !errors.Is(err, ErrBroken) {
		t.Errorf("after a whole chain: %v", err)
	}
}

func TestApplyRefusesWithoutChangingAnything(t *testing.T) {
	limits, es := chain(t)
	l, err := Replay(limits, es)
	if err != nil {
		t.Fatal(err)
	}
	before := observe(l)
	good, err := l.NextPeriod(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]Entry{
		"empty": {}, "no kind": {Seq: good.Seq, Prev: good.Prev}, "unknown kind": {Seq: good.Seq, Kind: 3, Prev: good.Prev},
		"wrong link":     {Seq: good.Seq, Kind: EntryPeriod},
		"overflow":       {Seq: good.Seq, Kind: EntryCharge, Prev: good.Prev, Units: 1<<64 - 1, Cumulative: 1<<64 - 1},
		"wrong sum":      {Seq: good.Seq, Kind: EntryCharge, Prev: good.Prev, Units: 1, Cumulative: 1},
		"charge of zero": {Seq: good.Seq, Kind: EntryCharge, Prev: good.Prev, Cumulative: 1000},
	} {
		if err := l.Apply(e); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if observe(l) != before {
			t.Fatalf("%s: the ledger changed", name)
		}
	}
}

func TestSequenceEnds(t *testing.T) {
	l, err := Replay(Limits{Ceiling: 10, Participations: 10}, []Entry{Reopen(1<<64-2, [32]byte{}, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Next(Debit{Round: 1, Units: 1}); err == nil {
		t.Error("the sequence wrapped in a charge")
	}
	if _, err := l.NextPeriod(1, 1); err == nil {
		t.Error("the sequence wrapped in a period")
	}
}

package privacy

import (
	"cmp"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// debits is how many debits a soak makes: CINESYNC_SOAK, or the usual number.
func debits(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("CINESYNC_SOAK")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		t.Fatalf("CINESYNC_SOAK is %q, want a number of debits of at least 1000", text)
	}
	return n
}

// hands are those who debit at once.
const hands = 32

// price is what round r costs in these tests: 1 to 7.
func price(r int) Units { return 1 + Units(r%7) }

// askAll asks for every round from many hands at once, each round from two of them, and gives each hand's answers by round.
func askAll(rounds int, ask func(round int) error) (answers [2][]error) {
	answers[0], answers[1] = make([]error, rounds), make([]error, rounds)
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for k := range 2 {
				for r := (hand + k*hands/2) % hands; r < rounds; r += hands {
					answers[k][r] = ask(r)
				}
			}
		})
	}
	all.Wait()
	return answers
}

// TestSoakLedgerValue lets many hands debit one ledger value at once: a million debits of the population's, and a million of a device's.
// About four in five fit. What is spent is exactly what was granted, and that is the ceiling to the unit.
func TestSoakLedgerValue(t *testing.T) {
	n := debits(t, 1_000_000)
	t.Run("population", func(t *testing.T) { soakPopulation(t, n) })
	t.Run("device", func(t *testing.T) { soakDevice(t, n) })
}

func soakPopulation(t *testing.T, n int) {
	rounds := n / 2 // each is asked twice: the same debit again changes nothing
	ceiling := Units(rounds) * 16 / 5
	p := ruled(t, ceiling)
	answers := askAll(rounds, func(r int) error {
		s, err := p.Debit(debit(uint64(r), byte(r%3), price(r), math.MaxUint32, 1))
		if s.Total > ceiling {
			t.Errorf("round %d: %d spent, the ceiling is %d", r, s.Total, ceiling)
		}
		return err
	})
	var granted Units
	refused := 0
	for r := range rounds {
		first, second := answers[0][r], answers[1][r]
		switch {
		case (first == nil) != (second == nil):
			t.Fatalf("round %d was granted and refused: %v, %v", r, first, second)
		case first == nil:
			granted += price(r)
		case !errors.Is(first, ErrCeiling) || p.Spent()+price(r) <= ceiling:
			t.Fatalf("round %d was refused, and %d of %d are spent: %v", r, p.Spent(), ceiling, first)
		default:
			refused++
		}
	}
	if p.Spent() != granted || granted != ceiling || refused == 0 {
		t.Errorf("%d spent, %d granted, ceiling %d, %d refused", p.Spent(), granted, ceiling, refused)
	}
	t.Logf("soak: ledger=population-value debits=%d refused=%d crashes=0 final=%d ceiling=%d", 2*rounds, 2*refused, granted, ceiling)
}

func soakDevice(t *testing.T, n int) {
	ceiling := Units(n) * 16 / 5
	l := NewLedger(Limits{Ceiling: ceiling, Participations: math.MaxUint32, Spacing: 1})
	entries := make([]Entry, 0, n)
	answers := make([]error, n)
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for r := hand; r < n; r += hands { // rounds of one question rise
				d := Debit{Round: uint64(r), Question: question(byte(hand)), Units: price(r)}
				_, answers[r] = l.Pay(d, func(e Entry) error {
					entries = append(entries, e) // one at a time: the race detector sees to it
					return nil
				})
				if spent := l.Spent(); spent > ceiling {
					t.Errorf("round %d: %d spent, the ceiling is %d", r, spent, ceiling)
				}
			}
		})
	}
	all.Wait()
	var granted Units
	refused := 0
	for r, err := range answers {
		switch {
		case err == nil:
			granted += price(r)
		case !errors.Is(err, ErrCeiling) || l.Spent()+price(r) <= ceiling:
			t.Fatalf("round %d was refused, and %d of %d are spent: %v", r, l.Spent(), ceiling, err)
		default:
			refused++
		}
	}
	again, err := Replay(Limits{}, entries)
	if err != nil || again.Spent() != granted || l.Spent() != granted || granted != ceiling || len(entries) != n-refused || refused == 0 {
		t.Errorf("%d spent, %d granted in %d entries, ceiling %d, %d refused: %v", l.Spent(), granted, len(entries), ceiling, refused, err)
	}
	if !slices.IsSortedFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) }) {
		t.Error("entries were written out of order")
	}
	t.Logf("soak: ledger=device-value debits=%d refused=%d crashes=0 final=%d ceiling=%d", n, refused, granted, ceiling)
}

// TestPayThatCannotBeWrittenEndsPaying: whether the entry is durable is unknown, so nothing more is paid from this value.
func TestPayThatCannotBeWrittenEndsPaying(t *testing.T) {
	l := NewLedger(Limits{Ceiling: 100, Participations: 10, Spacing: 1})
	full := errors.New("the disk is full")
	d := Debit{Round: 1, Question: question(1), Units: 10}
	if _, err := l.Pay(d, func(Entry) error { return full }); !errors.Is(err, full) {
		t.Fatalf("%v, want %v", err, full)
	}
	if _, err := l.Pay(d, func(Entry) error { t.Error("a second entry was written"); return nil }); !errors.Is(err, ErrBroken) {
		t.Errorf("paid again: %v", err)
	}
	if _, err := l.Next(d); !errors.Is(err, ErrBroken) {
		t.Errorf("offered again: %v", err)
	}
	if l.Spent() != 0 {
		t.Errorf("%d spent", l.Spent())
	}
}

package storetest

import (
	"context"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/privacy"
)

// hands are those who debit one store at once.
const hands = 4

// Spend debits one round after the other on a store, from several hands at once, until a write fails or out does. It says "paid N" once
// the debit of round N is durable, and "refused N" where the ledger has no room for it. What it said must hold
// after any crash. It runs in a process of its own that SoakLedger kills.
func Spend(ctx context.Context, store coordinator.Store, ceiling uint64, out io.Writer) error {
	s, err := newSpender(ctx, store, ceiling)
	if err != nil {
		return err
	}
	var line sync.Mutex
	s.say = func(round uint64, word string) error {
		line.Lock()
		defer line.Unlock()
		_, err := fmt.Fprintln(out, word, round)
		return err
	}
	return s.run(ctx)
}

// The words of Spend.
const (
	paid    = "paid"
	refused = "refused"
)

// spender is a coordinator that does nothing but debit.
type spender struct {
	ledger *privacy.Population
	store  coordinator.Store
	last   atomic.Uint64 // round that was asked for
	log    sync.Mutex    // of the log's next entry
	index  uint64
	newest privacy.RoundDebit // that was written
	say    func(round uint64, word string) error
}

// newSpender adds the ledger up from what the store holds, as a starting coordinator does. A charge that the ledger refuses, or one without
// its entry, is an error.
func newSpender(ctx context.Context, store coordinator.Store, ceiling uint64) (*spender, error) {
	saved, err := store.Load(ctx)
	if err != nil {
		return nil, err
	}
	s := &spender{ledger: newLedger(ceiling), store: store, index: uint64(len(saved.Entries))}
	if len(saved.Charges) != len(saved.Entries) {
		return nil, fmt.Errorf("%d charges for %d entries", len(saved.Charges), len(saved.Entries))
	}
	written := map[string]bool{}
	for _, e := range saved.Entries {
		written[string(e)] = true
	}
	for _, c := range saved.Charges {
		d := debitOf(c.Round)
		if c != chargeOf(d) || !written[string(entryOf(d))] {
			return nil, fmt.Errorf("charge %+v is not as it was written, or its entry is missing", c)
		}
		if _, err := s.ledger.Debit(d); err != nil {
			return nil, fmt.Errorf("the store holds more than the ledger allows: %w", err)
		}
		s.last.Store(c.Round)
		s.newest = d
	}
	return s, nil
}

// The question with number 2 may have a fifth of the ceiling, the others all of it.
func newLedger(ceiling uint64) *privacy.Population {
	p := privacy.NewPopulation()
	p.Policy(privacy.Units(ceiling), 1)
	for q, share := range []uint32{10000, 10000, 2000} {
		p.Ask(hash(byte(q)), share)
	}
	if err := p.Open(hash(0), 0); err != nil {
		panic(err) // there are a policy and a question
	}
	return p
}

// debitOf is what a round costs: 1 to 7 units, on one of three questions.
func debitOf(round uint64) privacy.RoundDebit {
	return privacy.RoundDebit{Round: round, Question: hash(byte(round % 3)), Units: privacy.Units(1 + round%7), P: math.MaxUint32, B: 1}
}

func chargeOf(d privacy.RoundDebit) coordinator.ChargeRow {
	return coordinator.ChargeRow{Round: d.Round, Question: d.Question, Units: uint64(d.Units)}
}

func entryOf(d privacy.RoundDebit) []byte { return fmt.Appendf(nil, "survivors of round %d", d.Round) }

// run debits until every hand has met an error, and gives the first.
func (s *spender) run(ctx context.Context) error {
	errs := make(chan error, hands)
	for range hands {
		go func() { errs <- s.hand(ctx) }()
	}
	first := <-errs
	for range hands - 1 {
		<-errs
	}
	return first
}

func (s *spender) hand(ctx context.Context) error {
	for {
		d, word := debitOf(s.last.Add(1)), paid
		if _, err := s.ledger.Debit(d); err != nil {
			word = refused
			if err := s.writeAgain(ctx); err != nil {
				return err
			}
		} else if err := s.write(ctx, d); err != nil {
			return err
		}
		if err := s.say(d.Round, word); err != nil {
			return err
		}
	}
}

// write makes a debit durable in the transaction of its entry.
func (s *spender) write(ctx context.Context, d privacy.RoundDebit) error {
	s.log.Lock()
	defer s.log.Unlock()
	err := s.store.Commit(ctx, &coordinator.Batch{Entries: []coordinator.EntryRow{{Index: s.index, Entry: entryOf(d)}},
		Charges: []coordinator.ChargeRow{chargeOf(d)}})
	if err != nil {
		return err
	}
	s.index, s.newest = s.index+1, d
	return nil
}

// writeAgain charges the newest round once more, which must change nothing.
func (s *spender) writeAgain(ctx context.Context) error {
	s.log.Lock()
	defer s.log.Unlock()
	if s.newest.Units == 0 {
		return nil
	}
	return s.store.Commit(ctx, &coordinator.Batch{Charges: []coordinator.ChargeRow{chargeOf(s.newest)}})
}

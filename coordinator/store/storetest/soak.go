package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
)

// Child is a process that runs Spend on a store's place, as far as its words can be read.
type Child interface {
	io.Reader
	// Kill ends the process as kill -9 does. What it said before can still be read.
	Kill() error
	// Wait waits until it is gone, once everything was read.
	Wait() error
}

// SoakLedger debits a store from many hands, many times over, while it crashes at random: writes that fail, writes whose answer is lost, a
// store that is closed under those who use it and, where start is not nil, processes killed with kill -9. Whatever
// happens, nothing is overspent, nothing given back, and what was said to be paid is there; in the end the ceiling is met to the unit. The
// least number of debits is CINESYNC_SOAK, or a few. It tells a line of what it did.
func SoakLedger(t *testing.T, open Open, shut func(), start func(ceiling uint64) Child) {
	n := 400
	if text := os.Getenv("CINESYNC_SOAK"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 100 {
			t.Fatalf("CINESYNC_SOAK is %q, want a number of debits of at least 100", text)
		}
	}
	s := &soak{T: t, open: open, shut: shut, start: start, rng: rand.New(rand.NewPCG(uint64(n), 8)), ceiling: uint64(n) * 3, paid: map[uint64]bool{},
		seen: map[uint64]coordinator.ChargeRow{}}
	for !t.Failed() && (s.debits < n || s.spent < s.ceiling && s.debits < 20*n) {
		switch kind := s.rng.IntN(6); {
		case kind < 3 && start != nil:
			s.killed()
		case kind < 5:
			s.failing([]fault{fails, limbo}[kind%2])
		default:
			s.failing(closed)
		}
		s.crashes++
		s.check()
	}
	if s.refused == 0 || s.spent != s.ceiling {
		t.Errorf("%d of %d units were spent and %d debits refused, want the ceiling to be met to the unit", s.spent, s.ceiling, s.refused)
	}
	t.Logf("soak: ledger=population-store debits=%d refused=%d crashes=%d kill9=%d final=%d ceiling=%d", s.debits, s.refused, s.crashes, s.kills, s.spent, s.ceiling)
}

// soak is one place and what was said about it.
type soak struct {
	*testing.T
	open    Open
	shut    func()
	start   func(ceiling uint64) Child
	rng     *rand.Rand
	ceiling uint64
	paid    map[uint64]bool                  // rounds that were said to be paid
	seen    map[uint64]coordinator.ChargeRow // that the store showed at the last look
	spent   uint64

	debits, refused, crashes, kills int
}

// saying is one word of a spender.
type saying struct {
	round uint64
	word  string
}

// heard takes one word of a spender down.
func (s *soak) heard(round uint64, word string) {
	s.debits++
	if word == paid {
		s.paid[round] = true
	} else {
		s.refused++
	}
}

// killed lets another process debit and kills it after some of its words.
func (s *soak) killed() {
	s.shut()
	child := s.start(s.ceiling)
	after := 1 + s.rng.IntN(80)
	lines := bufio.NewScanner(child)
	for n := 1; lines.Scan(); n++ {
		var word string
		var round uint64
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &word, &round); err != nil || word != paid && word != refused {
			s.Fatalf("the child said %q", lines.Text())
		}
		s.heard(round, word)
		if n == after {
			if err := child.Kill(); err != nil {
				s.Fatal(err)
			}
			s.kills++
		}
	}
	if err := child.Wait(); err == nil {
		s.Fatal("the child ended by itself")
	}
}

// failing debits in this process until a write goes wrong.
func (s *soak) failing(how fault) {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	left := 1 + s.rng.IntN(60)
	store := &faulty{Store: s.open(), how: how, left: left}
	spender, err := newSpender(ctx, store, s.ceiling)
	if err != nil {
		s.Fatal(err)
	}
	said := make(chan saying)
	spender.say = func(round uint64, word string) error {
		select {
		case said <- saying{round, word}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- spender.run(context.WithoutCancel(ctx)) }()
	for n := 0; ; n++ {
		select {
		case w := <-said:
			s.heard(w.round, w.word)
		case err := <-ended:
			if how != closed && !errors.Is(err, errFault) {
				s.Errorf("the spender ended with %v", err)
			}
			return
		}
		if n == 2*left { // nothing fits any more, so that nothing is written that could fail
			cancel()
			<-ended
			return
		}
		if how == closed && n == left {
			s.shut()
		}
	}
}

// check opens the place anew and holds it against everything that was said and seen before.
func (s *soak) check() {
	store := s.open()
	saved, err := store.Load(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	ledger, err := newSpender(s.Context(), store, s.ceiling)
	if err != nil {
		s.Fatalf("after %d crashes: %v", s.crashes, err)
	}
	now, spent := map[uint64]coordinator.ChargeRow{}, uint64(0)
	for _, c := range saved.Charges {
		now[c.Round] = c
		spent += c.Units
	}
	for round, c := range s.seen {
		if now[round] != c {
			s.Errorf("after %d crashes the charge %+v became %+v", s.crashes, c, now[round])
		}
	}
	for round := range s.paid {
		if _, ok := now[round]; !ok {
			s.Errorf("after %d crashes the debit of round %d is lost, which was said to be paid", s.crashes, round)
		}
	}
	if spent > s.ceiling || spent < s.spent || spent != uint64(ledger.ledger.Spent()) {
		s.Errorf("after %d crashes %d of %d units are spent, %d were before", s.crashes, spent, s.ceiling, s.spent)
	}
	s.seen, s.spent = maps.Clone(now), spent
	for _, c := range saved.Charges[max(0, len(saved.Charges)-1):] { // the same again is nothing, and less is refused
		again := store.Commit(s.Context(), &coordinator.Batch{Charges: []coordinator.ChargeRow{c}})
		c.Units--
		if less := store.Commit(s.Context(), &coordinator.Batch{Charges: []coordinator.ChargeRow{c}}); again != nil || less == nil {
			s.Errorf("charge of round %d again: %v; less: %v", c.Round, again, less)
		}
	}
}

// fault is what goes wrong with a write.
type fault uint8

const (
	fails  fault = iota // nothing is written, and the writer hears of it
	limbo               // it is written, and the writer hears that it failed
	closed              // the store is closed under the writer
)

var errFault = errors.New("input/output error of this test")

// faulty is a store whose writes fail once so many have gone well, and ever after.
type faulty struct {
	coordinator.Store
	how  fault
	left int // guarded by the spender's log
}

func (f *faulty) Commit(ctx context.Context, b *coordinator.Batch) error {
	f.left--
	switch {
	case f.left > 0 || f.how == closed:
		return f.Store.Commit(ctx, b)
	case f.left == 0 && f.how == limbo:
		if err := f.Store.Commit(ctx, b); err != nil {
			return err
		}
	}
	return errFault
}

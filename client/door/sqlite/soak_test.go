package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
)

// tally is a counter apart from the store's file. Its next Record fails, and writes nothing, where it is told to.
type tally struct {
	seq   uint64
	known bool
	fail  bool
}

var errTally = errors.New("the other disk is full")

func (c *tally) Reached(context.Context) (uint64, bool, error) { return c.seq, c.known, nil }

func (c *tally) Record(_ context.Context, seq uint64) error {
	if c.fail {
		c.fail = false
		return errTally
	}
	c.seq, c.known = seq, true
	return nil
}

// soak is a device's ledger in its file, and beside it what really left.
type soak struct {
	t       *testing.T
	rand    *rand.Rand
	path    string
	limits  privacy.Limits
	store   *sqlite.Store
	ledger  *privacy.Ledger
	counter tally

	round                                 uint64
	charges                               int           // that are durable
	sent                                  privacy.Units // in this period
	newest                                uint64        // sequence of the last entry that something left for
	head                                  uint64
	spent                                 privacy.Units
	crashes, refused, periods, kills, old int
}

// TestSoakLedgerDevice charges through the device's store while commits fail, the counter fails, stores close under the writer and
// processes are killed, and starts a new period wherever the ceiling stops it. At every moment the ledger says at least what left, never
// more than the ceiling, never less than before; an old copy that is put back is known. CINESYNC_SOAK is how many charges, 600 without.
func TestSoakLedgerDevice(t *testing.T) {
	n := 600
	if text := os.Getenv("CINESYNC_SOAK"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 100 {
			t.Fatalf("CINESYNC_SOAK is %q, want a number of charges of at least 100", text)
		}
	}
	st, path := fresh(t)
	s := &soak{t: t, rand: rand.New(rand.NewPCG(32, uint64(n))), path: path, store: st,
		limits: privacy.Limits{Ceiling: privacy.Units(max(600, n/2)), Participations: uint32(n), Spacing: 1}}
	s.read()
	for s.charges < n {
		s.once()
	}
	s.audit()
	if s.crashes == 0 || s.refused == 0 || s.periods == 0 || s.kills == 0 || s.old == 0 {
		t.Errorf("%d crashes, %d killed processes, %d refusals, %d periods, %d old copies: something was never tried", s.crashes, s.kills, s.refused, s.periods, s.old)
	}
	t.Logf("soak: ledger=device-sqlite debits=%d refused=%d crashes=%d killed=%d old-copies=%d periods=%d final=%d ceiling=%d",
		s.charges, s.refused, s.crashes, s.kills, s.old, s.periods, s.spent, s.limits.Ceiling)
}

// once is one charge with whatever befalls it.
func (s *soak) once() {
	s.t.Helper()
	s.round++
	d := privacy.Debit{Round: s.round, Question: [32]byte{byte(s.rand.IntN(3))}, Units: privacy.Units(1 + s.rand.IntN(7)), LogIndex: s.round}
	e, err := s.ledger.Next(d)
	if err != nil {
		if !errors.Is(err, privacy.ErrCeiling) || s.ledger.Spent()+d.Units <= s.limits.Ceiling {
			s.t.Fatalf("refused with %d of %d units spent, %d more asked: %v", s.ledger.Spent(), s.limits.Ceiling, d.Units, err)
		}
		if s.refused++; s.refused%5 == 0 { // it stays refused, a restart included
			s.newPeriod()
		}
		s.reopen()
		return
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	fate := s.rand.IntN(400)
	switch {
	case fate < 10:
		s.must(s.store.LimitPages(ctx, 1))
	case fate < 20:
		cancel()
	case fate < 30:
		s.counter.fail = true
	case fate < 40:
		s.must(s.store.Close())
	}
	r := row(fmt.Sprint(e.Seq))
	err = door.Record(ctx, s.store, &s.counter, door.Commit{Entry: e.Append(nil), Seq: e.Seq, SaveSession: true, Session: []byte(fmt.Sprint(e.Seq)), Outbox: []door.OutboxRow{r}})
	s.counter.fail = false
	if err != nil || fate >= 390 { // it dies here: by the failure, or before it could send
		s.crashes++
		s.reopen()
		return
	}
	s.sent, s.newest = s.sent+e.Units, e.Seq
	s.must(s.ledger.Apply(e))
	s.check()
	switch {
	case fate >= 380:
		s.crashes++
		s.reopen()
	case fate == 379 || s.old == 0 && s.charges > 50:
		s.oldCopy()
	case fate == 378 || s.kills == 0 && s.charges > 10:
		s.kill()
	}
}

func (s *soak) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// read replays the ledger from the file, as a device that starts.
func (s *soak) read() {
	s.t.Helper()
	l, err := door.OpenLedger(s.t.Context(), s.store, s.limits)
	s.must(err)
	standing, err := door.CatchUp(s.t.Context(), &s.counter, l)
	s.must(err)
	s.must(participant.CheckLedger(nil, l, standing.Reached, standing.Uncounted))
	s.ledger = l
	s.check()
}

func (s *soak) reopen() {
	s.t.Helper()
	s.store.Close() // perhaps for the second time
	var err error
	s.store, err = sqlite.Open(s.path)
	s.must(err)
	s.t.Cleanup(func() { s.store.Close() })
	s.read()
}

// check holds ledger and counter against what left.
func (s *soak) check() {
	s.t.Helper()
	head, _ := s.ledger.Head()
	spent := s.ledger.Spent()
	switch {
	case spent < s.sent || head < s.newest || s.counter.seq < s.newest:
		s.t.Fatalf("%d units left, the last for entry %d: the ledger says %d units and ends at %d, the counter stands at %d", s.sent, s.newest, spent, head, s.counter.seq)
	case spent > s.limits.Ceiling:
		s.t.Fatalf("%d of %d units spent", spent, s.limits.Ceiling)
	case spent < s.spent || head < s.head:
		s.t.Fatalf("%d units at entry %d, and %d at %d before: a refund", spent, head, s.spent, s.head)
	}
	s.charges += int(head - s.head)
	s.head, s.spent = head, spent
}

// newPeriod is the owner's.
func (s *soak) newPeriod() {
	s.t.Helper()
	p, err := door.NewPeriod(s.t.Context(), s.store, &s.counter, time.Unix(1_800_000_000+int64(s.round), 0))
	s.must(err)
	if p.Aside != 0 || p.Entry.Seq != s.head+1 {
		s.t.Fatalf("the period begins with %+v behind entry %d", p, s.head)
	}
	s.periods++
	s.head, s.spent, s.sent = p.Entry.Seq, 0, 0 // the entry is no charge
}

// oldCopy puts a copy of the file back that is some charges old, and then the newest again.
func (s *soak) oldCopy() {
	s.t.Helper()
	copyOf := func() []byte {
		s.must(s.store.Close())
		b, err := os.ReadFile(s.path)
		s.must(err)
		return b
	}
	put := func(b []byte) {
		for _, end := range []string{"-wal", "-shm"} {
			if err := os.Remove(s.path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
				s.t.Fatal(err)
			}
		}
		s.must(os.WriteFile(s.path, b, 0o600))
	}
	before := copyOf()
	s.reopen()
	e, err := s.ledger.Next(privacy.Debit{Round: s.round + 1, Units: 1, LogIndex: s.round + 1})
	if err != nil {
		return // at the ceiling
	}
	s.round++
	s.must(door.Record(s.t.Context(), s.store, &s.counter, door.Commit{Entry: e.Append(nil), Seq: e.Seq}))
	s.sent, s.newest = s.sent+e.Units, e.Seq
	now := copyOf()
	put(before)
	old, err := sqlite.Open(s.path)
	s.must(err)
	l, err := door.OpenLedger(s.t.Context(), old, s.limits)
	s.must(err)
	standing, err := door.CatchUp(s.t.Context(), &s.counter, l)
	s.must(err)
	var why *participant.Refused
	if err := participant.CheckLedger(nil, l, standing.Reached, standing.Uncounted); !errors.As(err, &why) || why.Why != participant.F10Budget {
		s.t.Fatalf("an old copy passes: %v", err)
	}
	s.must(old.Close())
	put(now)
	s.old++
	s.reopen()
}

// kill lets another process charge, one unit each, and kills it.
func (s *soak) kill() {
	s.t.Helper()
	left := int(s.limits.Ceiling - s.spent)
	if left < 300 { // it asks no ceiling
		return
	}
	s.must(s.store.Close())
	exe, err := os.Executable()
	s.must(err)
	cmd := exec.CommandContext(s.t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"="+s.path)
	out, err := cmd.StdoutPipe()
	s.must(err)
	s.must(cmd.Start())
	after, said := 1+s.rand.IntN(5), uint64(0)
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		if said, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			s.t.Fatalf("the child said %q", lines.Text())
		}
		if n == after {
			s.must(cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); err == nil {
		s.t.Fatal("the child ended by itself")
	}
	s.kills++
	before := s.head
	s.sent, s.newest = s.sent+privacy.Units(said-before), max(s.newest, said)
	s.counter.seq = max(s.counter.seq, said) // the child keeps no counter
	s.reopen()
	s.round = max(s.round, s.head) // its rounds have the numbers of its entries
}

// audit adds the whole chain up again by itself.
func (s *soak) audit() {
	s.t.Helper()
	rows, err := s.store.Entries(s.t.Context())
	s.must(err)
	charges, periods, sum := 0, 0, privacy.Units(0)
	for _, b := range rows {
		e, err := privacy.ParseEntry(b)
		s.must(err)
		if e.Kind == privacy.EntryPeriod {
			periods, sum = periods+1, 0
			continue
		}
		charges, sum = charges+1, sum+e.Units
		if sum > s.limits.Ceiling || e.Cumulative != sum {
			s.t.Fatalf("entry %d: %d units, it says %d, the ceiling is %d", e.Seq, sum, e.Cumulative, s.limits.Ceiling)
		}
	}
	if charges != s.charges || periods != s.periods || sum != s.spent {
		s.t.Errorf("%d charges in %d periods, the last of %d units; counted were %d, %d, %d", charges, periods, sum, s.charges, s.periods, s.spent)
	}
}

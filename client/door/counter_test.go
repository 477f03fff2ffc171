package door_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// copied is the folder of a device at some moment.
type copied struct {
	entries [][]byte
	session []byte
}

func (p *phone) copy() copied {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	return copied{slices.Clone(p.disk.entries), bytes.Clone(p.disk.session)}
}

func (p *phone) putBack(c copied) {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	p.disk.entries, p.disk.session = slices.Clone(c.entries), bytes.Clone(c.session)
}

// died waits for a Run that ends by itself, as a killed process does.
func (p *phone) died() {
	p.t.Helper()
	if err := <-p.done; !errors.Is(err, errFull) {
		p.t.Errorf("Run ended with %v", err)
	}
	p.stop()
}

// round plays a whole round, which so many vectors are summed in.
func (p *phone) round(sum int) {
	p.t.Helper()
	p.r.open()
	if res := p.r.result(); res.U3 != sum {
		p.t.Errorf("%d vectors were summed, want %d", res.U3, sum)
	}
	synctest.Wait()
}

// header is the last that the device sent, as an honest coordinator shows it.
func (p *phone) header() []byte {
	sent := sentOf[*protocol.Input](p)
	return sent[len(sent)-1].Append(nil)
}

// refusedAsOld wants the device to have stayed out because of an old copy.
func (p *phone) refusedAsOld(how, words string) {
	p.t.Helper()
	refused := p.seen("refused")
	if len(refused) == 0 || !strings.Contains(refused[len(refused)-1].Detail, "F10 budget") || !strings.Contains(refused[len(refused)-1].Detail, words) {
		p.t.Errorf("%s: %+v", how, refused)
	}
}

// TestDeathAtEveryStepIsCounted ends the process between every two durable steps of a charge: before the entry, between entry and
// counter, between counter and the first byte, after the first byte. Whatever left is counted, by ledger and counter, and the copy of
// the folder from before the round is found out: by the counter where the coordinator shows nothing, by the coordinator where the
// counter was put back too.
func TestDeathAtEveryStepIsCounted(t *testing.T) {
	for name, die := range map[string]func(p *phone){
		"before the entry":                     func(p *phone) { p.disk.refuse = true },
		"between entry and counter":            func(p *phone) { p.tally.fail = "before" },
		"between counter and the first byte":   func(p *phone) { p.tally.fail = "after" },
		"after the first byte, and never back": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, 100)
				p := newPhone(t, r)
				p.start()
				p.round(4)
				before, counted := p.copy(), p.tally.at()
				if counted != 1 {
					t.Fatalf("the counter stands at %d after one round", counted)
				}
				if die != nil {
					die(p)
					r.open()
					p.died()
					if sent := sentOf[*protocol.Input](p); len(sent) != 1 {
						t.Errorf("%d vectors left before the second was counted", len(sent)-1)
					}
					p.start() // the process comes back, and takes the round up where it was
					if res := r.result(); res.U3 != 4 {
						t.Errorf("%d vectors were summed after the restart", res.U3)
					}
					synctest.Wait()
				} else {
					p.round(4)
				}
				p.close()
				l, err := door.OpenLedger(t.Context(), &p.disk, privacy.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				head, _ := l.Head()
				sent := map[[32]byte]bool{}
				for _, in := range sentOf[*protocol.Input](p) {
					sent[in.SID] = true
				}
				if uint64(len(sent)) > head || p.tally.at() != head {
					t.Errorf("%d vectors left, the ledger has %d entries, the counter %d", len(sent), head, p.tally.at())
				}

				newest := p.copy()
				p.putBack(before)
				p.start()
				p.round(3)
				p.close()
				p.refusedAsOld("by the counter", "as the counter outside its folder says")
				if sent := sentOf[*protocol.Input](p); sent[len(sent)-1].LedgerSeq != 2 {
					t.Error("the old copy took part")
				}

				p.tally.seq, r.header = counted, p.header()
				p.putBack(before)
				p.start()
				p.round(3)
				p.close()
				p.refusedAsOld("by the coordinator", "this device signed ledger entry 2 before")

				p.tally.seq = head
				p.putBack(newest)
				p.start()
				p.round(4)
				p.close()
			})
		})
	}
}

// TestMissingCounterWantsTheCoordinatorsWord: a ledger with charges counts as spent until the last header that was signed is shown; the
// counter begins again there.
func TestMissingCounterWantsTheCoordinatorsWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.start()
		p.round(4)
		p.close()
		p.tally.known, p.tally.seq = false, 0
		p.start()
		p.round(3)
		p.close()
		p.refusedAsOld("without a header", "the counter outside this device's folder is missing")
		if p.tally.known {
			t.Error("a counter was made for a ledger that nobody vouched for")
		}
		r.header = p.header()
		p.start()
		p.round(4)
		p.close()
		if p.tally.at() != 2 {
			t.Errorf("the counter stands at %d", p.tally.at())
		}
	})
}

// TestMissingCounterAndOldCopy: what the coordinator shows lies behind the ledger, so that nothing is vouched for.
func TestMissingCounterAndOldCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.start()
		p.round(4)
		before := p.copy()
		p.round(4)
		p.close()
		p.putBack(before)
		p.tally.known, p.tally.seq, r.header = false, 0, p.header()
		p.start()
		p.round(3)
		p.close()
		p.refusedAsOld("an old copy", "this device signed ledger entry 2 before")
		if p.tally.known {
			t.Error("a counter was made for an old copy")
		}
		period, err := door.NewPeriod(t.Context(), &p.disk, &p.tally, time.Now())
		if err != nil || period.Entry.Seq != 3 || p.tally.at() != 3 {
			t.Fatalf("the new period is entry %d, the counter stands at %d: %v", period.Entry.Seq, p.tally.at(), err)
		}
		p.start()
		p.round(4)
		p.close()
	})
}

// TestCounterOfAFreshLedgerBegins, one that is damaged shuts the door, and one that lags catches up.
func TestCounterOfAFreshLedgerBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.start()
		p.close()
		if !p.tally.known || p.tally.seq != 0 {
			t.Errorf("the counter of an empty ledger: %+v", p.tally.seq)
		}
		p.start()
		p.round(4)
		p.close()
		p.tally.seq = 0
		p.start()
		p.close()
		if p.tally.at() != 1 {
			t.Errorf("a counter that lags stands at %d", p.tally.at())
		}
		p.tally.damaged = true
		open := func(counter door.Counter) error {
			_, err := door.Open(t.Context(), door.Config{Participant: r.participant(r.dev, "x"), Store: &p.disk, Counter: counter, Scratch: &p.files})
			return err
		}
		if err := open(&p.tally); !errors.Is(err, door.ErrCounter) || !strings.Contains(err.Error(), "cinesyncd budget --new-period") {
			t.Errorf("a damaged counter: %v", err)
		}
		if err := open(nil); err == nil || !strings.Contains(err.Error(), "no counter") {
			t.Errorf("no counter: %v", err)
		}
		period, err := door.NewPeriod(t.Context(), &p.disk, &p.tally, time.Now())
		if err != nil || p.tally.damaged || p.tally.at() != period.Entry.Seq {
			t.Errorf("a new period over a damaged counter: %+v, %v", period, err)
		}
		p.start()
		p.round(4)
		p.close()
	})
}

// TestLostLedgerBeginsAboveItsCounter, even where the clock stands before it.
func TestLostLedgerBeginsAboveItsCounter(t *testing.T) {
	counter := &tally{known: true, seq: 1 << 33}
	p, err := door.LostPeriod(t.Context(), counter, time.Unix(1_800_000_000, 0))
	if err != nil || p.Entry.Seq != 1<<33+1 {
		t.Errorf("%+v, %v", p.Entry, err)
	}
	if err := p.Count(t.Context(), counter); err != nil || counter.at() != 1<<33+1 {
		t.Errorf("the counter stands at %d: %v", counter.at(), err)
	}
}

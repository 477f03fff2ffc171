package door_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

func TestRoundsGoThroughTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 600_000)
		p := newPhone(t, r)
		p.start()
		for i := range 3 {
			r.open()
			if res := r.result(); res.Phase != round.Done || res.U3 != 4 {
				t.Fatalf("round %d: %+v", i+1, res)
			}
			synctest.Wait()
		}
		p.close()
		var kinds []string
		for _, e := range p.events {
			kinds = append(kinds, e.Kind)
		}
		if diff := cmp.Diff([]string{"connected", "charged", "closed", "model", "charged", "closed", "model", "charged", "closed", "model"}, kinds); diff != "" {
			t.Error(diff)
		}
		for _, e := range p.seen("closed") {
			if !e.Closed.Counted {
				t.Errorf("round %d did not count this device", e.Round)
			}
		}
		if p.models.newest != r.model || len(p.disk.entries) != 3 || len(p.disk.outbox) != 3 {
			t.Errorf("newest model %x, want %x; %d charges, %d outbox rows", p.models.newest[:4], r.model[:4], len(p.disk.entries), len(p.disk.outbox))
		}
		for _, row := range p.disk.outbox {
			if row.Receipt == nil || row.Units == 0 || row.Purpose != "test the door" || row.Kind != "train" {
				t.Errorf("outbox row %+v", row)
			}
		}
		p.checkEgress()
		p.checkReceipts(3)
		if p.disk.early {
			t.Error("a session was recorded before the vector it names was on the disk")
		}
		if left := p.files.Names(); len(left) > 0 {
			t.Errorf("%v are left of the rounds", left)
		}
	})
}

// checkReceipts wants so many, each with all that is needed to check it years later.
func (p *phone) checkReceipts(n int) {
	p.t.Helper()
	if len(p.disk.kept) != n {
		p.t.Errorf("%d receipts are kept, want %d", len(p.disk.kept), n)
	}
	rules := audit.ReceiptRules{
		CheckCert: func(authority, cert []byte) (audit.Coordinator, error) {
			c, err := protocol.ParseCert(cert)
			return audit.Coordinator{Key: c.IDPK}, errors.Join(err, c.Verify(authority, c.NotBefore, protocol.ClassCoordinator))
		},
		OpenReceipt: func(cert, receipt []byte) (audit.Receipted, error) {
			m, err := protocol.Parse(protocol.TypeReceipt, receipt)
			if err != nil {
				return audit.Receipted{}, err
			}
			r := m.(*protocol.Receipt)
			return audit.Receipted{SID: r.SID, Index: r.Index, YHash: r.YHash}, r.Verify(protocol.Verifier{Ed: p.r.s.Cert.IDPK[:]})
		},
	}
	for _, kept := range p.disk.kept {
		f, err := audit.ParseReceiptFile(kept.File)
		if err != nil {
			p.t.Fatal(err)
		}
		got, err := f.Verify(rules, audit.ReceiptPins{Authority: public(p.r.authority), Origin: origin, LogKey: public(p.r.logKey)})
		if err != nil || got.Open != kept.OpenHash {
			p.t.Errorf("the receipt of round %d proves %+v: %v", kept.Round, got, err)
		}
	}
}

// TestLongVectorLeavesPieceByPiece sends more than one chunk, and hears acknowledgements between them.
func TestLongVectorLeavesPieceByPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 200_000, 100)
		p := newPhone(t, r)
		p.start()
		r.open()
		if res := r.result(); res.Phase != round.Done || res.U3 != 4 {
			t.Fatalf("%+v", res)
		}
		synctest.Wait()
		p.close()
		if n := len(sentOf[*protocol.Chunk](p)); n != 4 {
			t.Errorf("%d chunks of 800,000 bytes", n)
		}
		p.checkEgress()
	})
}

// TestScratchThatFailsShutsTheDoor: what cannot be made durable must not be relied on, and what cannot be erased must be told.
func TestScratchThatFailsShutsTheDoor(t *testing.T) {
	for method, words := range map[string]string{"sync": "record the vector", "keep": "erase the vectors"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 64, 100)
			p := newPhone(t, r)
			p.start()
			p.files.mu.Lock()
			p.files.fail = method
			p.files.mu.Unlock()
			r.open()
			r.result()
			if err := <-p.done; !errors.Is(err, errFull) || !strings.Contains(err.Error(), words) {
				t.Errorf("Run ended with %v", err)
			}
			if len(sentOf[*protocol.Input](p)) > 0 {
				t.Error("a vector was announced")
			}
			p.files.fail = ""
		})
	}
}

// TestVectorsThatACrashLeftAreErased puts a file there that no session names.
func TestVectorsThatACrashLeftAreErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPhone(t, newRig(t, 64, 100))
		if err := p.files.Write("quantised", 0, []byte("of a round that ended in a crash")); err != nil {
			t.Fatal(err)
		}
		p.start()
		p.close()
		if left := p.files.Names(); len(left) > 0 {
			t.Errorf("%v are left", left)
		}
	})
}

// TestNothingLeavesBeforeItsChargeIsDurable fails each commit of a round in turn. The tapped connection holds every header,
// chunk and answer against the disk as it leaves.
func TestNothingLeavesBeforeItsChargeIsDurable(t *testing.T) {
	failed := true
	for n := 1; failed; n++ {
		if n > 50 {
			t.Fatal("the commits do not end")
		}
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 64, 100)
			p := newPhone(t, r)
			p.disk.failAt = n
			p.start()
			r.open()
			res := r.result() // with or without this device
			synctest.Wait()
			select {
			case err := <-p.done:
				if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "record what is about to leave") {
					t.Fatalf("commit %d failed, and Run ended with %v", n, err)
				}
			default:
				failed = false // n is beyond the last commit
				if res.U3 != 4 {
					t.Errorf("nothing failed, and %d vectors were summed", res.U3)
				}
				p.close()
				return
			}
			sent := len(p.sent)
			p.run()
			if err := <-p.done; !errors.Is(err, errFull) || len(p.sent) != sent {
				t.Errorf("the same door runs again: %v, and sends %d messages", err, len(p.sent)-sent)
			}
			p.disk.failAt = 0
			p.start() // the disk is repaired, and the device starts again
			r.open()
			if res := r.result(); res.U3 != 4 {
				t.Errorf("after the repair %d vectors were summed", res.U3)
			}
			synctest.Wait()
			p.close()
			p.checkEgress()
		})
	}
}

// TestCutUploadGoesOnWithTheSameBytes breaks the connection after each chunk, with and without a restart of the device.
func TestCutUploadGoesOnWithTheSameBytes(t *testing.T) {
	const chunks = 2
	for _, restart := range []bool{false, true} {
		for cut := range chunks {
			if restart && cut == 0 {
				continue // nothing is durable there yet: a restart changes nothing that the others do not show
			}
			t.Run(fmt.Sprintf("chunk %d, restart %v", cut, restart), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, 70_000, 100)
					p := newPhone(t, r)
					broken := make(chan struct{})
					once := sync.OnceFunc(func() { close(broken) })
					r.meet = func(m protocol.Message) bool {
						c, ok := m.(*protocol.Chunk)
						if !ok || c.Offset != uint64(cut*protocol.ChunkSize) || isClosed(broken) {
							return true
						}
						once()
						return false
					}
					p.start()
					r.open()
					if restart {
						<-broken
						p.close()
						p.start()
					}
					if res := r.result(); res.U3 != 4 {
						t.Fatalf("%d vectors were summed", res.U3)
					}
					synctest.Wait()
					p.close()
					p.checkEgress()
					checkResumed(t, p, cut, chunks)
				})
			})
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// pass lets the bubble's time go by.
func pass(d time.Duration) { <-time.After(d) }

func checkResumed(t *testing.T, p *phone, cut, chunks int) {
	t.Helper()
	headers := sentOf[*protocol.Input](p)
	if len(headers) != 2 || !bytes.Equal(headers[0].Append(nil), headers[1].Append(nil)) {
		t.Errorf("%d headers left, or they differ", len(headers))
	}
	times := map[uint64]int{}
	for _, c := range sentOf[*protocol.Chunk](p) {
		times[c.Offset]++
	}
	for i := range chunks {
		if n := times[uint64(i*protocol.ChunkSize)]; i < cut && n != 1 || n < 1 || n > 2 {
			t.Errorf("chunk %d left %d times, and the connection broke at %d", i, n, cut)
		}
	}
	if len(p.disk.entries) != 1 {
		t.Errorf("one vector was charged %d times", len(p.disk.entries))
	}
}

func TestDamagedLedgerShutsTheDoor(t *testing.T) {
	entry := privacy.Entry{Seq: 1, Kind: privacy.EntryCharge, Units: 5, Cumulative: 5}
	second := privacy.Entry{Seq: 2, Kind: privacy.EntryCharge, Units: 5, Cumulative: 10, Prev: entry.Hash()}
	good := [][]byte{entry.Append(nil), second.Append(nil)}
	flipped := bytes.Clone(good[1])
	flipped[130] ^= 1
	for name, rows := range map[string][][]byte{
		"a flipped bit": {good[0], flipped}, "a cut row": {good[0], good[1][:100]}, "an empty row": {{}}, "a missing first row": {good[1]}, "another order": {good[1], good[0]}, "a row twice": {good[0], good[0]},
	} {
		t.Run(name, func(t *testing.T) {
			s := &disk{entries: rows}
			_, err := door.Open(t.Context(), door.Config{Store: s})
			if err == nil || !errors.Is(err, privacy.ErrBroken) || !strings.Contains(err.Error(), "counts as spent") || !strings.Contains(err.Error(), "cinesyncd budget --new-period") {
				t.Errorf("the door says %v", err)
			}
		})
	}
	if _, err := door.OpenLedger(t.Context(), &disk{entries: good}, privacy.Limits{}); err != nil {
		t.Errorf("a whole ledger: %v", err)
	}
}

func TestOldCopyOfTheLedgerCountsAsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		header := &protocol.Input{LedgerSeq: 5}
		header.Sign(protocol.Signer{Ed: r.dev.Key})
		r.header = header.Append(nil)
		p := newPhone(t, r)
		p.start()
		r.open()
		if res := r.result(); res.U3 != 3 {
			t.Errorf("%d vectors were summed, want those of the others", res.U3)
		}
		synctest.Wait()
		p.close()
		refused := p.seen("refused")
		if len(refused) == 0 || !strings.Contains(refused[0].Detail, "F10 budget") || !strings.Contains(refused[0].Detail, "old copy") {
			t.Fatalf("events %+v", p.events)
		}
		if len(p.disk.entries) != 0 || len(sentOf[*protocol.Advertise](p)) != 0 {
			t.Error("it took part")
		}
		period, err := door.NewPeriod(t.Context(), &p.disk, &p.tally, time.Now())
		if err != nil || period.Entry.Seq != 6 {
			t.Fatalf("the new period begins at %d, %v", period.Entry.Seq, err)
		}
		p.start()
		r.open()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("in the new period %d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
	})
}

// TestLostLedgerGoesOnAtTheFirstCheckIn: the new chain begins above what the coordinator's copy of the last header says.
func TestLostLedgerGoesOnAtTheFirstCheckIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		header := &protocol.Input{LedgerSeq: 5}
		header.Sign(protocol.Signer{Ed: r.dev.Key})
		r.header = header.Append(nil)
		p := newPhone(t, r)
		period, err := door.LostPeriod(t.Context(), &p.tally, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		p.disk.entries = [][]byte{period.Entry.Append(nil)}
		p.start()
		r.open()
		if res := r.result(); res.U3 != 4 || len(p.seen("refused")) != 0 {
			t.Errorf("%d vectors were summed; refused %+v", res.U3, p.seen("refused"))
		}
		synctest.Wait()
		p.close()
	})
}

// TestLongTrainingHoldsNoConnection trains for many minutes.
func TestLongTrainingHoldsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.hold = 3 * time.Second
		answer := p.answer
		p.answer = func(ctx context.Context, task door.Task) (door.Answer, error) {
			pass(p.hold - time.Millisecond)
			if n := p.connections(); n != 1 {
				t.Errorf("%d connections just before the hold ends", n)
			}
			pass(40 * time.Minute)
			if n := p.connections(); n != 0 {
				t.Errorf("%d connections while the device trains", n)
			}
			return answer(ctx, task)
		}
		p.start()
		r.open()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
		if len(p.dials) != 2 || p.dials[1].Sub(p.dials[0]) < 40*time.Minute {
			t.Errorf("dialled at %v", p.dials)
		}
	})
}

// TestRunEndsWithItsContext ends Run in the middle of training; the bubble fails if a goroutine is left. The same round
// goes on when Run is called again.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		answer, times := p.answer, 0
		p.answer = func(ctx context.Context, task door.Task) (door.Answer, error) {
			if times++; times == 1 {
				<-ctx.Done()
				return door.Answer{}, ctx.Err()
			}
			return answer(ctx, task)
		}
		p.start()
		r.open()
		pass(time.Minute)
		p.close()
		if len(p.seen("refused")) != 0 {
			t.Error("a stopped training counts as having nothing to learn from")
		}
		p.run()
		if res := r.result(); res.U3 != 4 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
		if times != 2 {
			t.Errorf("trained %d times", times)
		}
	})
}

func TestDeviceWithNothingToLearnFromSitsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 64, 100)
		p := newPhone(t, r)
		p.answer = func(context.Context, door.Task) (door.Answer, error) {
			return door.Answer{}, errors.New("an empty history")
		}
		var log bytes.Buffer // where it would be said a second time
		p.log = slog.New(slog.NewTextHandler(&log, nil))
		p.start()
		r.open()
		if res := r.result(); res.U3 != 3 {
			t.Errorf("%d vectors were summed", res.U3)
		}
		synctest.Wait()
		p.close()
		if e := p.seen("refused"); len(e) != 1 || e[0].Detail != "this device sits the round out: an empty history" || log.Len() != 0 || len(p.disk.entries) != 0 {
			t.Errorf("events %+v, %d charges, log %q", e, len(p.disk.entries), &log)
		}
	})
}

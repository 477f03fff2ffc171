package door

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
)

// Row is a ledger entry as it lies in the store, whole or not.
type Row struct {
	Seq   uint64
	Bytes []byte
}

// PeriodStore is a store whose ledger can begin again. Only the device's owner asks for that.
type PeriodStore interface {
	Store
	// Rows gives the ledger as it lies there, unchecked.
	Rows(ctx context.Context) ([]Row, error)
	// Restart keeps every row aside, for whoever wants to know what was lost, and begins a new chain with this entry.
	Restart(ctx context.Context, at time.Time, first Row, forgetSession bool) error
}

// Period says what starting a new period did.
type Period struct {
	Entry  privacy.Entry
	Aside  int  // rows of a chain that could not be continued, which were kept aside
	Forgot bool // the saved round cannot be read and is forgotten
}

// NewPeriod starts a new ledger period: what was spent and the participations begin again from zero (privacy 8.2). An
// intact ledger is continued. A damaged one, or an old copy, is kept aside, and a new chain begins above every sequence that
// is known from anywhere, so that no old copy passes for it. A counter that is missing or damaged is begun again; nil is none.
func NewPeriod(ctx context.Context, s PeriodStore, counter Counter, at time.Time) (Period, error) {
	rows, err := s.Rows(ctx)
	if err != nil {
		return Period{}, fmt.Errorf("read privacy ledger: %w", err)
	}
	session, err := s.Session(ctx)
	if err != nil {
		return Period{}, fmt.Errorf("read round session: %w", err)
	}
	defer clear(session)
	signed, err := participant.Signed(session)
	p := Period{Forgot: err != nil}
	reached, err := reached(ctx, counter)
	if err != nil {
		return p, err
	}
	signed = max(signed, reached)
	ledger, err := OpenLedger(ctx, s, privacy.Limits{})
	if err == nil {
		if head, _ := ledger.Head(); signed <= head {
			return p, p.goOn(ctx, s, counter, ledger, at)
		}
	}
	p.Aside = len(rows)
	p.Entry = privacy.Reopen(highest(rows, signed), digest(rows), uint64(at.Unix()), 0)
	if err := s.Restart(ctx, at, Row{Seq: p.Entry.Seq, Bytes: p.Entry.Append(nil)}, p.Forgot); err != nil {
		return p, fmt.Errorf("start a new ledger: %w", err)
	}
	return p, p.Count(ctx, counter)
}

// reached is the counter's sequence, 0 where there is none that can be read.
func reached(ctx context.Context, counter Counter) (uint64, error) {
	if counter == nil {
		return 0, nil
	}
	seq, _, err := counter.Reached(ctx)
	if err != nil && !errors.Is(err, ErrCounter) {
		return 0, fmt.Errorf("read the counter of this device's ledger: %w", err)
	}
	return seq, nil
}

// Count counts the entry that began the period. What failed to be counted is when the door opens, or asked for again.
func (p *Period) Count(ctx context.Context, counter Counter) error {
	if counter == nil {
		return nil
	}
	if err := counter.Record(ctx, p.Entry.Seq); err != nil {
		return fmt.Errorf("a new period began, ledger entry %d; count it outside the device's folder: %w", p.Entry.Seq, err)
	}
	return nil
}

// LostPeriod begins the ledger of a store that is gone, with all that was known of what this device signed. Its sequence is
// the clock's seconds: above the lost one's, since no device is charged once a second from 1970 on; and above the counter's. The caller
// makes the entry durable and then counts it.
func LostPeriod(ctx context.Context, counter Counter, at time.Time) (Period, error) {
	seq, err := reached(ctx, counter)
	if err != nil {
		return Period{}, err
	}
	return Period{Entry: privacy.Reopen(max(seq, uint64(max(0, at.Unix()))), [32]byte{}, uint64(max(0, at.Unix())), 0)}, nil
}

// goOn adds the entry that starts the period to an intact chain.
func (p *Period) goOn(ctx context.Context, s Store, counter Counter, ledger *privacy.Ledger, at time.Time) error {
	var err error
	if p.Entry, err = ledger.NextPeriod(uint64(at.Unix()), 0); err != nil {
		return err
	}
	if err := s.Commit(ctx, Commit{Entry: p.Entry.Append(nil), Seq: p.Entry.Seq, SaveSession: p.Forgot}); err != nil {
		return fmt.Errorf("record the new period: %w", err)
	}
	return p.Count(ctx, counter)
}

// highest is the largest sequence known from anywhere: where rows lie, what they say, what this device signed. What only
// damage can claim is not believed, so that the new chain has room.
func highest(rows []Row, signed uint64) uint64 {
	const real = 1 << 40
	for _, r := range rows {
		signed = max(signed, r.Seq)
		if e, err := privacy.ParseEntry(r.Bytes); err == nil {
			signed = max(signed, e.Seq)
		}
	}
	return min(signed, real)
}

// digest is of what remains of the old chain.
func digest(rows []Row) [32]byte {
	if len(rows) == 0 {
		return [32]byte{}
	}
	h := sha256.New()
	for _, r := range rows {
		h.Write(binary.BigEndian.AppendUint64(nil, r.Seq))
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(r.Bytes))))
		h.Write(r.Bytes)
	}
	return [32]byte(h.Sum(nil))
}

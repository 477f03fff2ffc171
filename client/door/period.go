package door

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
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
// is known from anywhere, so that no old copy passes for it.
func NewPeriod(ctx context.Context, s PeriodStore, at time.Time) (Period, error) {
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
	ledger, err := OpenLedger(ctx, s, privacy.Limits{})
	if err == nil {
		if head, _ := ledger.Head(); signed <= head {
			return p, p.goOn(ctx, s, ledger, at)
		}
	}
	p.Aside = len(rows)
	p.Entry = privacy.Reopen(highest(rows, signed), digest(rows), uint64(at.Unix()), 0)
	if err := s.Restart(ctx, at, Row{Seq: p.Entry.Seq, Bytes: p.Entry.Append(nil)}, p.Forgot); err != nil {
		return p, fmt.Errorf("start a new ledger: %w", err)
	}
	return p, nil
}

// LostPeriod begins the ledger of a store that is gone, with all that was known of what this device signed. Its sequence is
// the clock's seconds: above the lost one's, since no device is charged once a second from 1970 on.
func LostPeriod(at time.Time) Period {
	return Period{Entry: privacy.Reopen(uint64(max(0, at.Unix())), [32]byte{}, uint64(max(0, at.Unix())), 0)}
}

// goOn adds the entry that starts the period to an intact chain.
func (p *Period) goOn(ctx context.Context, s Store, ledger *privacy.Ledger, at time.Time) error {
	var err error
	if p.Entry, err = ledger.NextPeriod(uint64(at.Unix()), 0); err != nil {
		return err
	}
	if err := s.Commit(ctx, Commit{Entry: p.Entry.Append(nil), Seq: p.Entry.Seq, SaveSession: p.Forgot}); err != nil {
		return fmt.Errorf("record the new period: %w", err)
	}
	return nil
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

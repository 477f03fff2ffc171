package door

import (
	"context"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/privacy"
)

// Counter keeps, apart from the device's folder, how far its ledger ever got. A copy of the folder that was put back does not bring
// back an older counter, so that a ledger that ends before it is known for an old copy.
type Counter interface {
	// Reached is the highest sequence recorded; it is not known where none was. A counter that is there and cannot be understood
	// gives an error that wraps ErrCounter.
	Reached(ctx context.Context) (seq uint64, known bool, err error)
	// Record makes a sequence durable in place of the one before.
	Record(ctx context.Context, seq uint64) error
}

// ErrCounter means that the counter outside the device's folder is damaged.
var ErrCounter = errors.New("the counter outside the device's folder is damaged, so the budget counts as spent; start a new period with `cinesyncd budget --new-period`")

// Record makes what is about to leave durable: the commit with its ledger entry first, then the counter. So a crash between them leaves
// a ledger ahead of its counter, which is caught up with when the door opens; and whatever has left, its entry is counted.
func Record(ctx context.Context, s Store, counter Counter, c Commit) error {
	if err := s.Commit(ctx, c); err != nil {
		return err
	}
	if c.Entry == nil || counter == nil {
		return nil
	}
	if err := counter.Record(ctx, c.Seq); err != nil {
		return fmt.Errorf("count ledger entry %d outside the device's folder: %w", c.Seq, err)
	}
	return nil
}

// Standing is what a counter says of a ledger.
type Standing struct {
	Reached   uint64 // the ledger's sequence by the counter; 0 where there is none
	Uncounted bool   // there is no counter, and the ledger holds charges: it may be an old copy
}

// Compare reads the counter. It changes nothing. Without a counter (nil) there is nothing to compare with, and no door opens either.
func Compare(ctx context.Context, counter Counter, l *privacy.Ledger) (Standing, error) {
	if counter == nil {
		return Standing{}, nil
	}
	seq, known, err := counter.Reached(ctx)
	if err != nil {
		return Standing{}, fmt.Errorf("read the counter of this device's ledger: %w", err)
	}
	return Standing{Reached: seq, Uncounted: !known && l.Charged()}, nil
}

// CatchUp counts what a crash left uncounted, and begins the counter of a ledger without charges.
func CatchUp(ctx context.Context, counter Counter, l *privacy.Ledger) (Standing, error) {
	if counter == nil {
		return Standing{}, errors.New("open the door: no counter is kept outside the device's folder")
	}
	s, err := Compare(ctx, counter, l)
	if err != nil || s.Uncounted {
		return s, err
	}
	if head, _ := l.Head(); head > s.Reached || head == 0 && s.Reached == 0 {
		if err := counter.Record(ctx, head); err != nil {
			return s, fmt.Errorf("count ledger entry %d outside the device's folder: %w", head, err)
		}
		s.Reached = head
	}
	return s, nil
}

// vouched begins the counter once the coordinator has shown a header that this ledger reaches as far as.
func (d *Door) vouched(ctx context.Context) error {
	if !d.uncounted || !d.machine.Vouched() {
		return nil
	}
	head, _ := d.ledger.Head()
	if err := d.cfg.Counter.Record(context.WithoutCancel(ctx), head); err != nil {
		return fmt.Errorf("count ledger entry %d outside the device's folder: %w", head, err)
	}
	d.uncounted = false
	return nil
}

package device

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/client/history"
)

// Make makes what a device keeps besides its key and device.json: an empty ledger, where none may be yet, a place for models,
// and an empty history, unless one was imported before.
func Make(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make device folder: %w", err)
	}
	return makeStores(dir, false)
}

// makeStores makes them in this order, which Init relies on: the history, the ledger unless the caller has seen one, models.
func makeStores(dir string, ledger bool) error {
	events, err := history.Open(filepath.Join(dir, "history.sqlite"))
	if errors.Is(err, history.ErrMissing) {
		events, err = history.Create(filepath.Join(dir, "history.sqlite"))
	}
	if err != nil {
		return err
	}
	if err := events.Close(); err != nil {
		return err
	}
	if !ledger {
		outbox, err := sqlite.Create(filepath.Join(dir, "door.sqlite"), nil)
		if err != nil {
			return err
		}
		if err := outbox.Close(); err != nil {
			return err
		}
	}
	_, err = client.OpenModelDir(filepath.Join(dir, "models"))
	return err
}

// NewPeriod begins the ledger of the device in dir again; one that is gone is made anew, and begins above all that this
// device can have signed. All else of the device must open first: an owner who saw a failure would ask again, and get a second
// period.
func NewPeriod(ctx context.Context, dir string, at time.Time) (p door.Period, err error) {
	if _, err := Load(dir); err != nil {
		return p, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	around, err := openAround(dir)
	if err != nil {
		return p, err
	}
	if err := around.History.Close(); err != nil {
		return p, err
	}
	path := filepath.Join(dir, "door.sqlite")
	outbox, err := sqlite.Open(path)
	if errors.Is(err, sqlite.ErrMissing) {
		if p, err = door.LostPeriod(ctx, around.Counter, at); err != nil {
			return p, err
		}
		if outbox, err = sqlite.Create(path, &door.Row{Seq: p.Entry.Seq, Bytes: p.Entry.Append(nil)}); err != nil {
			return p, err
		}
		return p, errors.Join(p.Count(ctx, around.Counter), outbox.Close())
	}
	if err != nil {
		return p, err
	}
	p, err = door.NewPeriod(ctx, outbox, around.Counter, at)
	return p, errors.Join(err, outbox.Close())
}

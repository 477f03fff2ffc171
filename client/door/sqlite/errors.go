package sqlite

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// ErrMissing means that the store's file is not there. Nobody knows what was spent, unless no device was ever made here.
var ErrMissing = errors.New("it is missing, so the privacy budget counts as spent")

var (
	errForeign = errors.New("it is an SQLite file, and not a device's door store: name another file")
	errNewer   = errors.New("it was written by a newer version: update CineSync")
	errDamaged = errors.New("it is damaged")
)

// left says what a damaged store means: nobody knows what was spent.
const left = "it was left as it is, and the privacy budget counts as spent: restore it from a copy, or " +
	"move it away, with the -wal file beside it, and start a new period with `cinesyncd budget --new-period`"

// explain says what a failure of the file means and what to do about it.
func (s *Store) explain(err error) error {
	var e sqlite3.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMissing):
		return fmt.Errorf("%s: %w: restore it from a copy, or start a new period with `cinesyncd budget --new-period`", s.path, err)
	case errors.Is(err, errForeign), errors.Is(err, errNewer):
		return fmt.Errorf("%s: %w", s.path, err)
	case errors.Is(err, errDamaged):
		return fmt.Errorf("%s: %w; %s", s.path, err, left)
	case !errors.As(err, &e):
		return err
	}
	switch e.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return fmt.Errorf("%s: %w (%w); %s", s.path, errDamaged, err, left)
	case sqlite3.ErrFull:
		return fmt.Errorf("%s: the disk is full: free some space; nothing leaves this device until then (%w)", s.path, err)
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return fmt.Errorf("%s: the file or its folder cannot be written: give this account the right to write both (%w)", s.path, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("%s: another program is writing to it: wait for that to end and try again (%w)", s.path, err)
	case sqlite3.ErrIoErr:
		return fmt.Errorf("%s: the disk failed: check it and its free space (%w)", s.path, err)
	}
	return fmt.Errorf("%s: %w", s.path, err)
}

package history

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// ErrMissing means that the history's file is not there.
var ErrMissing = errors.New("it is missing")

// left says what to do about a damaged history.
const left = "it was left as it is: restore it from a copy, or move it away, with the -wal file beside it, and import your history again"

// explain says what a failure of the file means and what to do about it.
func (s *Store) explain(err error) error {
	var e sqlite3.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMissing):
		return fmt.Errorf("%s: %w: restore it from a copy, or import your history again with `cinesyncd import`", s.path, err)
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
		return fmt.Errorf("%s: the disk is full: free some space and try again; what was recorded before is kept (%w)", s.path, err)
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return fmt.Errorf("%s: the file or its folder cannot be written: give this account the right to write both (%w)", s.path, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("%s: another program is writing to it: wait for that to end and try again (%w)", s.path, err)
	case sqlite3.ErrIoErr:
		return fmt.Errorf("%s: the disk failed: check it and its free space, then try again (%w)", s.path, err)
	}
	return fmt.Errorf("%s: %w", s.path, err)
}

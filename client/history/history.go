// Package history keeps what a person watched, in one SQLite file on the device.
//
// Owns: the event model, the identity of an event, the file and its schema.
// Promises: an import is applied whole or not at all, under kill -9 too; the same rows twice change nothing; a damaged
// file is reported and never repaired or replaced.
// Never: logs a title, opens a connection, gives a history to anything but its caller.
// Start here: Create once, then Open, Store.Apply and Store.Watches. Rules: design, imports and exports, sections 2 and 3.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Store is an open history. It is safe for concurrent use, and other processes may have the same file open.
type Store struct {
	db   *sql.DB
	path string
}

// Create makes an empty history at path, readable by its owner only, where nothing may lie yet. A crash leaves a file that
// Open refuses.
func Create(path string) (*Store, error) {
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("make history: %w", err)
	}
	s, err := connect(path, (*Store).keep, (*Store).migrate)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make history: %w", err), os.Remove(path))
	}
	return s, nil
}

// Open opens the history at path, which must be there: one that is gone is reported, and never made anew here. It checks the
// whole file for damage, which takes some 10 ms for 10,000 events.
func Open(path string) (*Store, error) {
	s, err := connect(path, (*Store).found, (*Store).check, (*Store).keep, (*Store).migrate)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return s, nil
}

// connect takes these steps with the file.
func connect(path string, steps ...func(*Store, context.Context) error) (*Store, error) {
	db, err := sql.Open("sqlite3", dsn(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one writer; transactions here are short
	s := &Store{db: db, path: path}
	for _, step := range steps {
		if err := step(s, context.Background()); err != nil {
			return nil, errors.Join(s.explain(err), db.Close())
		}
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close history: %w", s.explain(err))
	}
	return nil
}

// dsn names the file and how to open it, and not make it: synced at every commit, and deleted content overwritten. The journal mode is not
// here, since SQLite writes it into the file, which may be somebody else's.
func dsn(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + u.EscapedPath() + "?mode=rw&_synchronous=FULL&_busy_timeout=10000&_foreign_keys=1&_txlock=immediate&_secure_delete=1"
}

// makeFile makes an empty file. A log of an earlier history would be read into it, so there may be none.
func makeFile(path string) error {
	for _, end := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(path + end); err == nil {
			return fmt.Errorf("%s%s is left of an earlier history: put the history back beside it, or move it away too", path, end)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already, and nothing was changed", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: give this account the right to write the folder", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make the folder %s first", err, filepath.Dir(path))
	case err != nil:
		return err
	}
	return f.Close()
}

// found wants the file to be there with something in it: SQLite would take an empty one for new, and throw away a log that
// lies beside it.
func (s *Store) found(context.Context) error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrMissing
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: give this account the right to read and write the file and its folder", err)
	case err != nil:
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = fmt.Errorf("%w (it is empty)", errDamaged)
	}
	return errors.Join(err, f.Close())
}

// keep takes a file that is known to be ours: only its owner can read it, and it has a write-ahead log. SQLite gives the
// side files the mode of the file, and looking into it has made them.
func (s *Store) keep(ctx context.Context) error {
	for _, end := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(s.path + end)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(s.path+end, 0o600)
		}
		if err != nil && (end == "" || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	var mode string
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system allows journal mode %s only: keep the file on a local disk", mode)
	}
	return nil
}

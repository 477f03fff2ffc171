// Package history keeps what a person watched, in one SQLite file on the device.
//
// Owns: the event model, the identity of an event, the file and its schema.
// Promises: an import is applied whole or not at all, under kill -9 too; the same rows twice change nothing; a damaged
// file is reported and never repaired or replaced.
// Never: logs a title, opens a connection, gives a history to anything but its caller.
// Start here: Open, then Store.Apply and Store.Watches. Rules: design, imports and exports, sections 2 and 3.
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

// Open opens the history at path and makes it, readable by its owner only, if it is not there. It checks the whole file
// for damage, which takes some 10 ms for 10,000 events.
func Open(path string) (*Store, error) {
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	db, err := sql.Open("sqlite3", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer; transactions here are short
	s := &Store{db: db, path: path}
	ctx := context.Background()
	if err := s.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open history: %w", s.explain(err)), db.Close())
	}
	if err := s.keep(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open history: %w", s.explain(err)), db.Close())
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open history: %w", s.explain(err)), db.Close())
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

// dsn names the file and how to open it: synced at every commit, and deleted content overwritten. The journal mode is not
// here, since SQLite writes it into the file, which may be somebody else's.
func dsn(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + u.EscapedPath() + "?_synchronous=FULL&_busy_timeout=10000&_foreign_keys=1&_txlock=immediate&_secure_delete=1"
}

// prepareFile makes sure that the file exists; a new one can be read by nobody but its owner.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: give this account the right to read and write the file and its folder", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make the folder %s first", err, filepath.Dir(path))
	case err != nil:
		return err
	}
	return f.Close()
}

// keep takes a file that is known to be ours: only its owner can read it, and it has a write-ahead log. SQLite gives the
// side files the same mode.
func (s *Store) keep(ctx context.Context) error {
	info, err := os.Stat(s.path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(s.path, 0o600)
	}
	if err != nil {
		return err
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

// Package sqlite keeps a device's ledger, round session and outbox in one SQLite file, apart from the history.
//
// Owns: the file, its schema, what may be written once only.
// Promises: a commit is durable whole or not at all, under kill -9 too; ledger entries and outbox rows never change; a
// session that is forgotten is erased from the file.
// Never: reads what it keeps; repairs or replaces a damaged file.
// Start here: Create once, then Open and Store.Commit.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Store is an open door store. It is safe for concurrent use, and other processes may have the same file open.
type Store struct {
	db   *sql.DB
	path string

	mu   sync.Mutex // one commit at a time
	full bool       // commits wait for the disk; guarded by mu
	owed bool       // what was forgotten is still in the write-ahead log; guarded by mu
}

// Open opens the store at path, which must be there: a store that is gone takes with it what was spent, so it is reported and
// never made anew here. It checks the whole file for damage.
func Open(path string) (*Store, error) {
	s, err := connect(path)
	if err != nil {
		return nil, fmt.Errorf("open door store: %w", err)
	}
	ctx := context.Background()
	for _, step := range []func(context.Context) error{s.found, s.check, s.keep} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("open door store: %w", s.explain(err)), s.db.Close())
		}
	}
	if err := s.erase(ctx); err != nil { // a crash may have come between an ending and its erasure
		return nil, errors.Join(fmt.Errorf("open door store: %w", err), s.db.Close())
	}
	return s, nil
}

// connect names the file to SQLite, which may open it and not make it.
func connect(path string) (*Store, error) {
	u := url.URL{Path: filepath.ToSlash(path)}
	db, err := sql.Open("sqlite3", "file:"+u.EscapedPath()+"?mode=rw&_synchronous=FULL&_busy_timeout=10000&_txlock=immediate&_secure_delete=1")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one writer; transactions here are short
	return &Store{db: db, path: path, full: true}, nil
}

// Close closes the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close door store: %w", s.explain(err))
	}
	return nil
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

// check refuses files that are damaged, not ours, or of a later version.
func (s *Store) check(ctx context.Context) error {
	var result string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w (%s)", errDamaged, strings.Join(strings.Fields(result), " ")) // SQLite writes several lines
	}
	var app, version, tables int
	for query, n := range map[string]*int{"PRAGMA application_id": &app, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := s.db.QueryRowContext(ctx, query).Scan(n); err != nil {
			return err
		}
	}
	switch {
	case app != applicationID && (app != 0 || tables != 0):
		return errForeign
	case app != applicationID:
		return fmt.Errorf("%w (it holds no tables)", errDamaged)
	case version > schemaVersion:
		return fmt.Errorf("schema version %d, this program knows %d: %w", version, schemaVersion, errNewer)
	}
	return nil
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

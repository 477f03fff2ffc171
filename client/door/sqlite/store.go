// Package sqlite keeps a device's ledger, round session and outbox in one SQLite file, apart from the history.
//
// Owns: the file, its schema, what may be written once only.
// Promises: a commit is durable whole or not at all, under kill -9 too; ledger entries and outbox rows never change; a
// session that is forgotten is erased from the file.
// Never: reads what it keeps; repairs or replaces a damaged file.
// Start here: Open, then Store.Commit.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
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

// Open opens the store at path and makes it, readable by its owner only, if it is not there. It checks the whole file for
// damage.
func Open(path string) (*Store, error) {
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open door store: %w", err)
	}
	u := url.URL{Path: filepath.ToSlash(path)}
	db, err := sql.Open("sqlite3", "file:"+u.EscapedPath()+"?_synchronous=FULL&_busy_timeout=10000&_txlock=immediate&_secure_delete=1")
	if err != nil {
		return nil, fmt.Errorf("open door store: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer; transactions here are short
	s := &Store{db: db, path: path, full: true}
	ctx := context.Background()
	if err := s.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open door store: %w", s.explain(err)), db.Close())
	}
	if err := s.writeAhead(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open door store: %w", s.explain(err)), db.Close())
	}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open door store: %w", s.explain(err)), db.Close())
	}
	if err := s.erase(ctx); err != nil { // a crash may have come between an ending and its erasure
		return nil, errors.Join(fmt.Errorf("open door store: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close door store: %w", s.explain(err))
	}
	return nil
}

// prepareFile makes sure that the file exists and that nobody but its owner can read it. SQLite gives its side files the
// same mode.
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
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	return errors.Join(err, f.Close())
}

// schema is version 1.
//
//go:embed schema.sql
var schema string

const (
	schemaVersion = 1
	applicationID = 0x43534431 // "CSD1"
)

// check refuses files that are damaged or not ours.
func (s *Store) check(ctx context.Context) error {
	var result string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w (%s)", errDamaged, result)
	}
	var app, tables int
	if err := s.db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return err
	}
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if app != applicationID && (app != 0 || tables != 0) {
		return errForeign
	}
	return nil
}

// writeAhead sets the journal mode, which SQLite keeps in the file: so only once the file is known to be ours.
func (s *Store) writeAhead(ctx context.Context) error {
	var mode string
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system allows journal mode %s only: keep the file on a local disk", mode)
	}
	return nil
}

// create makes the tables of an empty file, in one transaction.
func (s *Store) create(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("schema version %d, this program knows %d: %w", version, schemaVersion, errNewer)
	}
	if version == schemaVersion {
		return nil
	}
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", schemaVersion, applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}

// Package sqlite is the coordinator's embedded store: one file, one process.
//
// Owns: the schema, the transactions, the one-process lock.
// Promises: Commit is one transaction with full synchronous writes; an index, a charge and a head are written once; when a
// round has ended, its shares and vectors are in no file any more.
// Never: decides anything; knows what an entry or an event means.
// Start here: Open, then Store.Commit.
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

	"github.com/cinesync/cinesync/coordinator"
	sqlite3 "github.com/mattn/go-sqlite3"
)

// Store implements coordinator.Store on one SQLite file.
type Store struct {
	db   *sql.DB
	path string
}

var _ coordinator.Store = (*Store)(nil)

const (
	schemaVersion = 3
	oldestVersion = 2          // that Open still steps up
	applicationID = 0x43534331 // "CSC1"
)

// The index one_open holds that at most one round runs.
const schema = `
CREATE TABLE entry  (idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE head   (only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL, model BLOB NOT NULL, serve BLOB NOT NULL, round INTEGER NOT NULL, idx INTEGER NOT NULL);
CREATE TABLE round  (round INTEGER PRIMARY KEY, open_hash BLOB NOT NULL UNIQUE, idx INTEGER NOT NULL, grace INTEGER NOT NULL, code BLOB NOT NULL, context BLOB NOT NULL, ended INTEGER NOT NULL DEFAULT -1);
CREATE TABLE journal(round INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, event BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (round, seq)) WITHOUT ROWID;
CREATE TABLE chunk  (round INTEGER NOT NULL, id BLOB NOT NULL, offset INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (round, id, offset));
CREATE TABLE header (id BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE charge (round INTEGER PRIMARY KEY, question BLOB NOT NULL, units INTEGER NOT NULL);
CREATE TABLE used   (serial BLOB PRIMARY KEY, rounds INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE conduct(serial BLOB PRIMARY KEY, level INTEGER NOT NULL, last INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE member (round INTEGER NOT NULL, id BLOB NOT NULL, idx INTEGER NOT NULL, cohort INTEGER NOT NULL, leaf INTEGER NOT NULL, yhash BLOB NOT NULL, PRIMARY KEY (round, id)) WITHOUT ROWID;
CREATE UNIQUE INDEX one_open ON round (ended) WHERE ended = -1;
`

// steps lead from one schema to the next, the first from oldestVersion. Each is one transaction with its number.
func steps() []string {
	return []string{
		"CREATE TABLE conduct(serial BLOB PRIMARY KEY, level INTEGER NOT NULL, last INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID",
	}
}

// Open opens or makes the store. The file is locked for this process: a second coordinator on the same folder is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open coordinator store: %w", err)
	}
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "_journal_mode=WAL&_synchronous=FULL&_locking_mode=EXCLUSIVE&_busy_timeout=2000&_txlock=immediate&_secure_delete=true"}).String()
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, fmt.Errorf("open coordinator store %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	s := &Store{db: db, path: path}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.explain("open coordinator store", err), db.Close())
	}
	return s, nil
}

// prepareFile makes the file readable for its owner only: it holds shares and masked vectors of a running round. SQLite
// gives the files beside it the same mode.
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

func (s *Store) prepare(ctx context.Context) error {
	var check string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&check); err != nil {
		return err
	}
	if check != "ok" {
		return fmt.Errorf("the file is damaged (%s): restore it from a backup, or start a new folder", oneLine(check))
	}
	var app, version, tables int
	for query, dst := range map[string]*int{"PRAGMA application_id": &app, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := s.db.QueryRowContext(ctx, query).Scan(dst); err != nil {
			return err
		}
	}
	switch {
	case app == 0 && version == 0 && tables == 0:
		_, err := s.db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT", schema, schemaVersion, applicationID))
		return err
	case app != applicationID:
		return errors.New("the file is a database of something else: name the coordinator's own store.sqlite, or start a new folder")
	case version < oldestVersion || version > schemaVersion:
		return fmt.Errorf("schema version is %d, this program knows %d: use the program that wrote it, or a newer one", version, schemaVersion)
	}
	for ; version < schemaVersion; version++ {
		if _, err := s.db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %d; COMMIT", steps()[version-oldestVersion], version+1)); err != nil {
			return fmt.Errorf("step the schema from version %d to %d: %w", version, version+1, err)
		}
	}
	// Takes the exclusive lock now, not at the first round.
	if _, err := s.db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; PRAGMA user_version = %d; COMMIT", schemaVersion)); err != nil {
		return err
	}
	return s.erase(ctx)
}

// oneLine makes one line of what SQLite says of damage, without the heading, which names no file.
func oneLine(check string) string {
	lines := strings.Split(strings.TrimSpace(check), "\n")
	if len(lines) > 1 && strings.HasPrefix(lines[0], "***") {
		lines = lines[1:]
	}
	return strings.Join(lines, "; ")
}

// erase empties the write-ahead log, which still holds what was deleted; in the file itself deleted content is
// overwritten. It runs after each round and at each start, since a crash may come between a round's end and this.
func (s *Store) erase(ctx context.Context) error {
	var busy, pages, moved int
	if err := s.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("erase an ended round's secrets: %w", err)
	}
	return nil
}

// explain puts what can be done into the errors people meet.
func (s *Store) explain(doing string, err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) {
		switch e.Code {
		case sqlite3.ErrBusy, sqlite3.ErrLocked:
			return fmt.Errorf("%s %s: another coordinator uses this folder; stop it first: %w", doing, s.path, err)
		case sqlite3.ErrFull:
			return fmt.Errorf("%s %s: the disk is full; free space and start again, nothing recorded is lost: %w", doing, s.path, err)
		case sqlite3.ErrNotADB, sqlite3.ErrCorrupt:
			return fmt.Errorf("%s %s: the file is damaged; restore it from a backup, or start a new folder: %w", doing, s.path, err)
		case sqlite3.ErrIoErr:
			return fmt.Errorf("%s %s: the disk does not read or write as it should; check it, then start again, nothing recorded is lost: %w", doing, s.path, err)
		case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
			return fmt.Errorf("%s %s: the file cannot be written; check its owner and permissions: %w", doing, s.path, err)
		}
	}
	if errors.Is(err, errDamaged) {
		return fmt.Errorf("%s %s: the file is damaged; restore it from a backup, or start a new folder: %w", doing, s.path, err)
	}
	return fmt.Errorf("%s %s: %w", doing, s.path, err)
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

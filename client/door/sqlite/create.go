package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/cinesync/cinesync/client/door"
)

// schema is version 1.
//
//go:embed schema.sql
var schema string

const (
	schemaVersion = 1
	applicationID = 0x43534431 // "CSD1"
)

// Create makes the store at path, readable by its owner only, where nothing may lie yet. Its ledger is empty, or begins with
// first where it takes the place of one that is lost. A crash leaves a file that Open refuses.
func Create(path string, first *door.Row) (*Store, error) {
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("make door store: %w", err)
	}
	s, err := connect(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make door store: %w", err), os.Remove(path))
	}
	ctx := context.Background()
	if err = s.keep(ctx); err == nil {
		err = s.create(ctx, first)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make door store: %w", s.explain(err)), s.db.Close(), os.Remove(path))
	}
	return s, nil
}

// makeFile makes an empty file. A log of an earlier store would be read into it, so there may be none.
func makeFile(path string) error {
	for _, end := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(path + end); err == nil {
			return fmt.Errorf("%s%s is left of an earlier store: put the store back beside it, or move it away too", path, end)
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

// create makes the tables, in one transaction with the ledger's first row.
func (s *Store) create(ctx context.Context, first *door.Row) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	if first != nil {
		if first.Seq > math.MaxInt64 {
			return fmt.Errorf("ledger sequence %d is larger than 2^63-1", first.Seq)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO entry (seq, bytes) VALUES (?, ?)", int64(first.Seq), first.Bytes); err != nil {
			return fmt.Errorf("begin the ledger: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", schemaVersion, applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}

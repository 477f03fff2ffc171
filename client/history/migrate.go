package history

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
)

// schema holds one file a version: 1.sql makes version 1 out of an empty file, and so on.
//
//go:embed schema/*.sql
var schema embed.FS

// schemaVersion is what this code reads and writes; applicationID marks the file as a history.
const (
	schemaVersion = 1
	applicationID = 0x43534831 // "CSH1"
)

var (
	errForeign = errors.New("it is an SQLite file, and not a history of CineSync: name another file")
	errNewer   = errors.New("it was written by a newer version: update CineSync")
	errDamaged = errors.New("it is damaged")
)

// check refuses files that are damaged or not ours.
func (s *Store) check(ctx context.Context) error {
	var result string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w (%s)", errDamaged, strings.Join(strings.Fields(result), " ")) // SQLite writes several lines
	}
	var app, tables int
	if err := s.db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return err
	}
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	switch {
	case app != applicationID && (app != 0 || tables != 0):
		return errForeign
	case app != applicationID:
		return fmt.Errorf("%w (it holds no tables)", errDamaged)
	}
	return nil
}

// migrate brings the file to schemaVersion, in one transaction.
func (s *Store) migrate(ctx context.Context) error {
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
	for v := version + 1; v <= schemaVersion; v++ {
		text, err := schema.ReadFile(fmt.Sprintf("schema/%d.sql", v))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("migrate to schema version %d: %w", v, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", schemaVersion, applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}

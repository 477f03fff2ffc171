package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/client/door"
)

// receipts holds what proves that a round summed this device's vector. The table is made with the first one, so that files of
// before need no other schema.
const receipts = `CREATE TABLE IF NOT EXISTS receipt (
  open  BLOB    PRIMARY KEY, -- open_hash of the round
  round INTEGER NOT NULL,
  at    INTEGER NOT NULL,    -- when it was completed, Unix seconds
  file  BLOB    NOT NULL
)`

// putReceipt writes a receipt once. The same again changes nothing.
func putReceipt(ctx context.Context, tx *sql.Tx, r *door.Receipt) error {
	if r.Round > math.MaxInt64 {
		return fmt.Errorf("receipt of round %d, which is larger than 2^63-1", r.Round)
	}
	if _, err := tx.ExecContext(ctx, receipts); err != nil {
		return err
	}
	var old []byte
	err := tx.QueryRowContext(ctx, "SELECT file FROM receipt WHERE open = ?", r.OpenHash[:]).Scan(&old)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, "INSERT INTO receipt (open, round, at, file) VALUES (?, ?, ?, ?)", r.OpenHash[:], int64(r.Round), r.At, r.File)
		return err
	case err != nil:
		return err
	case !bytes.Equal(old, r.File):
		return fmt.Errorf("the receipt of round %x %w", r.OpenHash[:8], door.ErrConflict)
	}
	return nil
}

// Receipts gives at most limit receipts, newest first.
func (s *Store) Receipts(ctx context.Context, limit int) ([]door.Receipt, error) {
	var made int
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'receipt'").Scan(&made)
	if err != nil || made == 0 {
		return nil, s.explain(err)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT open, round, at, file FROM receipt ORDER BY at DESC, round DESC, open LIMIT ?", max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", s.explain(err))
	}
	defer rows.Close()
	var out []door.Receipt
	for rows.Next() {
		r, err := scanReceipt(rows)
		if err != nil {
			return nil, fmt.Errorf("read receipts: %w", s.explain(err))
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read receipts: %w", s.explain(err))
	}
	return out, nil
}

func scanReceipt(rows *sql.Rows) (r door.Receipt, err error) {
	var open []byte
	var round int64
	if err := rows.Scan(&open, &round, &r.At, &r.File); err != nil {
		return r, err
	}
	if len(open) != len(r.OpenHash) || round < 0 {
		return r, fmt.Errorf("%w (receipt %x)", errDamaged, open)
	}
	r.OpenHash, r.Round = [32]byte(open), uint64(round)
	return r, nil
}

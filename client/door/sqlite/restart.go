package sqlite

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/cinesync/cinesync/client/door"
)

// Rows gives the ledger as it lies in the file, unchecked.
func (s *Store) Rows(ctx context.Context) ([]door.Row, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, bytes FROM entry ORDER BY seq")
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", s.explain(err))
	}
	defer rows.Close()
	var out []door.Row
	for rows.Next() {
		var seq int64
		var r door.Row
		if err := rows.Scan(&seq, &r.Bytes); err != nil {
			return nil, fmt.Errorf("read ledger: %w", s.explain(err))
		}
		r.Seq = uint64(max(0, seq))
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ledger: %w", s.explain(err))
	}
	return out, nil
}

// aside holds the rows of chains that could not be continued. The table is made with the first one: few files ever need it.
const aside = `CREATE TABLE IF NOT EXISTS aside (
  n     INTEGER PRIMARY KEY AUTOINCREMENT,
  at    INTEGER NOT NULL, -- when it was put aside, Unix seconds
  seq   INTEGER NOT NULL,
  bytes BLOB    NOT NULL
)`

// Restart keeps every ledger row aside and begins a new chain with first, in one transaction.
func (s *Store) Restart(ctx context.Context, at time.Time, first door.Row, forgetSession bool) error {
	if first.Seq > math.MaxInt64 {
		return fmt.Errorf("ledger sequence %d is larger than 2^63-1", first.Seq)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("restart ledger: %w", s.explain(err))
	}
	defer tx.Rollback()
	steps := []struct {
		query string
		args  []any
	}{
		{aside, nil},
		{"INSERT INTO aside (at, seq, bytes) SELECT ?, seq, bytes FROM entry ORDER BY seq", []any{at.Unix()}},
		{"DELETE FROM entry", nil},
		{"INSERT INTO entry (seq, bytes) VALUES (?, ?)", []any{int64(first.Seq), first.Bytes}},
	}
	for _, q := range steps {
		if _, err := tx.ExecContext(ctx, q.query, q.args...); err != nil {
			return fmt.Errorf("restart ledger: %w", s.explain(err))
		}
	}
	if forgetSession {
		if _, err := putSession(ctx, tx, nil); err != nil {
			return fmt.Errorf("restart ledger: %w", s.explain(err))
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("restart ledger: %w", s.explain(err))
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/cinesync/cinesync/client/door"
)

// Entries gives the ledger entries' canonical bytes in sequence order. A gap is an error: entries are missing.
func (s *Store) Entries(ctx context.Context) ([][]byte, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT seq, bytes FROM entry ORDER BY seq")
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", s.explain(err))
	}
	defer rows.Close()
	var out [][]byte
	var last int64
	for rows.Next() {
		var seq int64
		var b []byte
		if err := rows.Scan(&seq, &b); err != nil {
			return nil, fmt.Errorf("read ledger: %w", s.explain(err))
		}
		if len(out) > 0 && seq != last+1 {
			return nil, fmt.Errorf("read ledger: %w", s.explain(fmt.Errorf("%w (entry %d follows entry %d)", errDamaged, seq, last)))
		}
		out, last = append(out, b), seq
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ledger: %w", s.explain(err))
	}
	return out, nil
}

// Session gives the live round session, nil if there is none.
func (s *Store) Session(ctx context.Context) ([]byte, error) {
	return s.one(ctx, "round session", "SELECT bytes FROM session")
}

// Meta gives the value of a key, nil if there is none.
func (s *Store) Meta(ctx context.Context, key string) ([]byte, error) {
	return s.one(ctx, "door setting", "SELECT value FROM meta WHERE key = ?", key)
}

// one reads a value into bytes of the caller's own, and clears the driver's.
func (s *Store) one(ctx context.Context, what, query string, args ...any) (b []byte, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, s.explain(err))
	}
	defer rows.Close()
	if rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("read %s: %w", what, s.explain(err))
		}
		b = append([]byte{}, raw...)
		clear(raw)
	}
	if err := rows.Err(); err != nil {
		clear(b)
		return nil, fmt.Errorf("read %s: %w", what, s.explain(err))
	}
	return b, nil
}

const outboxColumns = "key, at, kind, purpose, bytes, digest, body, units, receipt"

// Outbox gives at most limit rows of what has left this device, newest first.
func (s *Store) Outbox(ctx context.Context, limit int) ([]door.OutboxRow, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+outboxColumns+" FROM outbox ORDER BY n DESC LIMIT ?", max(0, limit))
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", s.explain(err))
	}
	defer rows.Close()
	var out []door.OutboxRow
	for rows.Next() {
		r, err := scanOutbox(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read outbox: %w", s.explain(err))
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read outbox: %w", s.explain(err))
	}
	return out, nil
}

func scanOutbox(scan func(...any) error) (door.OutboxRow, error) {
	var r door.OutboxRow
	var digest []byte
	var units int64
	if err := scan(&r.Key, &r.At, &r.Kind, &r.Purpose, &r.Bytes, &digest, &r.Body, &units, &r.Receipt); err != nil {
		return r, err
	}
	if len(digest) != len(r.Digest) || units < 0 {
		return r, fmt.Errorf("%w (outbox row %x)", errDamaged, r.Key)
	}
	r.Digest, r.Units = [32]byte(digest), uint64(units)
	return r, nil
}

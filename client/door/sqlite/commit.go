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

// Commit makes all of c durable in one transaction. A commit that was made before may be made again and changes nothing;
// other bytes under a sequence number or outbox key give door.ErrConflict, and then nothing of c is recorded.
func (s *Store) Commit(ctx context.Context, c door.Commit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sync(ctx, !c.Lazy); err != nil {
		return fmt.Errorf("commit to door store: %w", s.explain(err))
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("commit to door store: %w", s.explain(err))
	}
	defer tx.Rollback()
	forgot, err := commit(ctx, tx, c)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return fmt.Errorf("commit to door store: %w", s.explain(err))
	}
	if forgot || c.Erase || s.owed {
		return s.erase(ctx)
	}
	return nil
}

// sync chooses whether commits wait for the disk. A write-ahead log that is not synced loses its newest commits in a power
// cut and keeps their order; the next synced commit makes all before it durable. A new connection begins with FULL, so the
// mark may only err on the safe side.
func (s *Store) sync(ctx context.Context, full bool) error {
	if full == s.full {
		return nil
	}
	mode := "NORMAL"
	if full {
		mode = "FULL"
	}
	if _, err := s.db.ExecContext(ctx, "PRAGMA synchronous = "+mode); err != nil {
		return err
	}
	s.full = full
	return nil
}

func commit(ctx context.Context, tx *sql.Tx, c door.Commit) (forgot bool, err error) {
	if c.Entry != nil {
		if err := appendEntry(ctx, tx, c.Seq, c.Entry); err != nil {
			return false, err
		}
	}
	for i := range c.Outbox {
		if err := putOutbox(ctx, tx, &c.Outbox[i]); err != nil {
			return false, err
		}
	}
	for k, v := range c.Meta {
		if err := putMeta(ctx, tx, k, v); err != nil {
			return false, err
		}
	}
	if c.Receipt != nil {
		if err := putReceipt(ctx, tx, c.Receipt); err != nil {
			return false, err
		}
	}
	if !c.SaveSession {
		return false, nil
	}
	return putSession(ctx, tx, c.Session)
}

// appendEntry adds the next entry of the chain.
func appendEntry(ctx context.Context, tx *sql.Tx, seq uint64, entry []byte) error {
	if seq > math.MaxInt64 {
		return fmt.Errorf("ledger sequence %d is larger than 2^63-1", seq)
	}
	var old []byte
	err := tx.QueryRowContext(ctx, "SELECT bytes FROM entry WHERE seq = ?", int64(seq)).Scan(&old)
	if err == nil {
		if !bytes.Equal(old, entry) {
			return fmt.Errorf("ledger entry %d %w", seq, door.ErrConflict)
		}
		return nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var last sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT max(seq) FROM entry").Scan(&last); err != nil {
		return err
	}
	if last.Valid && int64(seq) != last.Int64+1 {
		return fmt.Errorf("ledger entry %d does not follow entry %d, so it %w", seq, last.Int64, door.ErrConflict)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO entry (seq, bytes) VALUES (?, ?)", int64(seq), entry)
	return err
}

// putOutbox writes a row, or adds the receipt to one that is there. The time of the first write stands.
func putOutbox(ctx context.Context, tx *sql.Tx, r *door.OutboxRow) error {
	if r.Units > math.MaxInt64 {
		return fmt.Errorf("outbox row costs %d units, more than 2^63-1", r.Units)
	}
	if len(r.Key) == 0 {
		return errors.New("outbox row has no key")
	}
	old, err := scanOutbox(tx.QueryRowContext(ctx, "SELECT "+outboxColumns+" FROM outbox WHERE key = ?", r.Key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, "INSERT INTO outbox ("+outboxColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			r.Key, r.At, r.Kind, r.Purpose, r.Bytes, r.Digest[:], blob(r.Body), int64(r.Units), blob(r.Receipt))
		return err
	}
	if err != nil {
		return err
	}
	same := old.Kind == r.Kind && old.Purpose == r.Purpose && old.Bytes == r.Bytes && old.Digest == r.Digest && old.Units == r.Units &&
		(r.Body == nil || bytes.Equal(old.Body, r.Body))
	if !same || old.Receipt != nil && r.Receipt != nil && !bytes.Equal(old.Receipt, r.Receipt) {
		return fmt.Errorf("outbox row %x %w", r.Key, door.ErrConflict)
	}
	if old.Receipt != nil || r.Receipt == nil {
		return nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE outbox SET receipt = ? WHERE key = ?", blob(r.Receipt), r.Key)
	return err
}

func putMeta(ctx context.Context, tx *sql.Tx, key string, value []byte) error {
	if value == nil {
		_, err := tx.ExecContext(ctx, "DELETE FROM meta WHERE key = ?", key)
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	return err
}

// putSession replaces or deletes the session.
func putSession(ctx context.Context, tx *sql.Tx, session []byte) (forgot bool, err error) {
	var old int
	err = tx.QueryRowContext(ctx, "SELECT length(bytes) FROM session").Scan(&old)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if session == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM session")
	} else {
		_, err = tx.ExecContext(ctx, "INSERT INTO session (one, bytes) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET bytes = excluded.bytes", session)
	}
	return session == nil && old > 0, err
}

// erase empties the write-ahead log, which still holds what a commit forgot; in the file itself deleted content is
// overwritten. Another reader of the file can put it off until the next commit.
func (s *Store) erase(ctx context.Context) error {
	s.owed = true
	var busy, pages, moved int
	if err := s.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("erase forgotten session from door store: %w", s.explain(err))
	}
	s.owed = busy != 0
	return nil
}

// blob keeps nil as NULL.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
)

// Load reads the log, the head, the running round and the charges.
func (s *Store) Load(ctx context.Context) (*coordinator.Saved, error) {
	saved := &coordinator.Saved{}
	for _, read := range []func(context.Context, *coordinator.Saved) error{s.loadEntries, s.loadHead, s.loadOpen, s.loadCharges} {
		if err := read(ctx, saved); err != nil {
			return nil, s.explain("load", err)
		}
	}
	return saved, nil
}

func (s *Store) loadEntries(ctx context.Context, saved *coordinator.Saved) error {
	return s.each(ctx, "SELECT idx, bytes FROM entry ORDER BY idx", nil, func(r *sql.Rows) error {
		var idx uint64
		var entry []byte
		if err := r.Scan(&idx, &entry); err != nil {
			return err
		}
		if idx != uint64(len(saved.Entries)) {
			return fmt.Errorf("log entry %d is missing: %w", len(saved.Entries), errDamaged)
		}
		saved.Entries = append(saved.Entries, entry)
		return nil
	})
}

func (s *Store) loadHead(ctx context.Context, saved *coordinator.Saved) error {
	var model, serve []byte
	h := &saved.Head
	err := s.db.QueryRowContext(ctx, "SELECT version, model, serve, round, idx FROM head").Scan(&h.Version, &model, &serve, &h.Round, &h.Index)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return hashes(column{"head.model", &h.Model, model}, column{"head.serve", &h.Serve, serve})
}

func (s *Store) loadOpen(ctx context.Context, saved *coordinator.Saved) error {
	var openHash, list []byte
	o := &coordinator.OpenRound{}
	err := s.db.QueryRowContext(ctx, "SELECT round, open_hash, idx, grace, code, context FROM round WHERE ended = -1 ORDER BY round DESC LIMIT 1").
		Scan(&o.Round, &openHash, &o.Index, &o.GraceMillis, &o.Code, &list)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.Context, err = unpackIndexes(list); err != nil {
		return err
	}
	if err := hashes(column{"round.open_hash", &o.OpenHash, openHash}); err != nil {
		return err
	}
	saved.Open = o
	return s.each(ctx, "SELECT seq, at, event, digest FROM journal WHERE round = ? ORDER BY seq", []any{o.Round}, func(r *sql.Rows) error {
		j := coordinator.JournalRow{Round: o.Round}
		var digest []byte
		if err := r.Scan(&j.Seq, &j.At, &j.Event, &digest); err != nil {
			return err
		}
		o.Journal = append(o.Journal, j)
		return hashes(column{"journal.digest", &o.Journal[len(o.Journal)-1].Digest, digest})
	})
}

func (s *Store) loadCharges(ctx context.Context, saved *coordinator.Saved) error {
	return s.each(ctx, "SELECT round, question, units FROM charge ORDER BY round", nil, func(r *sql.Rows) error {
		var c coordinator.ChargeRow
		var question []byte
		var units int64
		if err := r.Scan(&c.Round, &question, &units); err != nil {
			return err
		}
		c.Units = uint64(units)
		if err := hashes(column{"charge.question", &c.Question, question}); err != nil {
			return err
		}
		saved.Charges = append(saved.Charges, c)
		return nil
	})
}

// Chunk reads one durable chunk of a member's vector.
func (s *Store) Chunk(ctx context.Context, rnd uint64, id [32]byte, offset uint64) ([]byte, error) {
	var data []byte
	err := s.db.QueryRowContext(ctx, "SELECT data FROM chunk WHERE round = ? AND id = ? AND offset = ?", rnd, id[:], offset).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain("read chunk from", err)
	}
	return data, nil
}

// Members lists an ended round's roster.
func (s *Store) Members(ctx context.Context, openHash [32]byte) (*coordinator.Ended, error) {
	e := &coordinator.Ended{OpenHash: openHash}
	err := s.db.QueryRowContext(ctx, "SELECT round, ended FROM round WHERE open_hash = ? AND ended <> -1", openHash[:]).Scan(&e.Round, &e.Index)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain("read round from", err)
	}
	err = s.each(ctx, "SELECT id, idx, cohort, leaf, yhash FROM member WHERE round = ? ORDER BY idx", []any{e.Round}, func(r *sql.Rows) error {
		var id, yhash []byte
		var m round.Member
		if err := r.Scan(&id, &m.Index, &m.Cohort, &m.Leaf, &yhash); err != nil {
			return err
		}
		if err := hashes(column{"member.id", &m.ID, id}, column{"member.yhash", &m.YHash, yhash}); err != nil {
			return err
		}
		e.Members = append(e.Members, m)
		return nil
	})
	if err != nil {
		return nil, s.explain("read members from", err)
	}
	return e, nil
}

// Used counts the rounds of one certificate.
func (s *Store) Used(ctx context.Context, serial [16]byte) (uint32, error) {
	var n uint32
	err := s.db.QueryRowContext(ctx, "SELECT rounds FROM used WHERE serial = ?", serial[:]).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, s.explain("read certificate from", err)
	}
	return n, nil
}

// Conduct is what is held against one certificate.
func (s *Store) Conduct(ctx context.Context, serial [16]byte) (round.Conduct, error) {
	var c round.Conduct
	err := s.db.QueryRowContext(ctx, "SELECT level, last, until FROM conduct WHERE serial = ?", serial[:]).Scan(&c.Level, &c.Last, &c.Until)
	if errors.Is(err, sql.ErrNoRows) {
		return round.Conduct{}, nil
	}
	if err != nil {
		return round.Conduct{}, s.explain("read certificate from", err)
	}
	return c, nil
}

// LastHeader is the newest input header of one device.
func (s *Store) LastHeader(ctx context.Context, id [32]byte) ([]byte, error) {
	var header []byte
	err := s.db.QueryRowContext(ctx, "SELECT bytes FROM header WHERE id = ?", id[:]).Scan(&header)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain("read header from", err)
	}
	return header, nil
}

func (s *Store) each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) error {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// errDamaged marks content that this program never writes.
var errDamaged = errors.New("not as it was written")

// column is a hash as it stands in the file, with its place.
type column struct {
	name string
	dst  *[32]byte
	got  []byte
}

func hashes(list ...column) error {
	for _, c := range list {
		if len(c.got) != len(c.dst) {
			return fmt.Errorf("%s holds a hash of %d bytes: %w", c.name, len(c.got), errDamaged)
		}
		copy(c.dst[:], c.got)
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/cinesync/cinesync/coordinator"
)

// Commit writes one batch in one transaction.
func (s *Store) Commit(ctx context.Context, b *coordinator.Batch) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain("commit to", err)
	}
	defer tx.Rollback()
	w := writer{ctx: ctx, tx: tx}
	w.batch(b)
	if w.err != nil {
		return s.explain("commit to", w.err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain("commit to", err)
	}
	if b.End != nil {
		if err := s.erase(ctx); err != nil {
			return s.explain("commit to", err)
		}
	}
	return nil
}

// writer carries the first error, so that a batch reads as the list it is.
type writer struct {
	ctx context.Context
	tx  *sql.Tx
	err error
}

func (w *writer) exec(query string, args ...any) int64 {
	if w.err != nil {
		return 0
	}
	for i, a := range args {
		if b, ok := a.([]byte); ok && b == nil {
			args[i] = []byte{} // not NULL
		}
	}
	res, err := w.tx.ExecContext(w.ctx, query, args...)
	if err != nil {
		w.err = err
		return 0
	}
	n, err := res.RowsAffected()
	w.err = err
	return n
}

func (w *writer) batch(b *coordinator.Batch) {
	if h := b.First; h != nil {
		w.exec("INSERT INTO head VALUES (1, ?, ?, ?, ?, ?)", h.Version, h.Model[:], h.Serve[:], h.Round, h.Index)
	}
	w.entries(b.Entries)
	if r := b.Open; r != nil {
		w.exec("INSERT INTO round (round, open_hash, idx, grace, code, context) VALUES (?, ?, ?, ?, ?, ?)",
			r.Round, r.OpenHash[:], r.Index, r.GraceMillis, r.Code, packIndexes(r.Context))
	}
	for _, j := range b.Journal {
		w.exec("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", j.Round, j.Seq, j.At, j.Event, j.Digest[:])
	}
	for _, c := range b.Chunks {
		w.exec("INSERT INTO chunk VALUES (?, ?, ?, ?)", c.Round, c.ID[:], c.Offset, c.Data)
	}
	for _, h := range b.Headers {
		w.exec("INSERT INTO header VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes", h.ID[:], h.Header)
	}
	for _, c := range b.Charges {
		w.charge(c)
	}
	for _, u := range b.Uses {
		w.use(u)
	}
	for _, c := range b.Conduct {
		w.conduct(c)
	}
	w.move(b.Move)
	w.end(b.End)
}

// entries appends to the log: an index is written once, and none is left out.
func (w *writer) entries(list []coordinator.EntryRow) {
	if len(list) == 0 || w.err != nil {
		return
	}
	var size int64
	if w.err = w.tx.QueryRowContext(w.ctx, "SELECT coalesce(max(idx) + 1, 0) FROM entry").Scan(&size); w.err != nil {
		return
	}
	for i, e := range list {
		if want := uint64(size) + uint64(i); e.Index != want {
			w.err = fmt.Errorf("write log entry %d: the next entry is %d", e.Index, want)
			return
		}
		w.exec("INSERT INTO entry VALUES (?, ?)", e.Index, e.Entry)
	}
}

// use counts one more round of a certificate, once for each round.
func (w *writer) use(u coordinator.UseRow) {
	n := w.exec("INSERT INTO used VALUES (?, 1, ?) ON CONFLICT (serial) DO UPDATE SET rounds = rounds + 1, last = excluded.last WHERE last < excluded.last",
		u.Serial[:], u.Round)
	if w.err == nil && n != 1 {
		w.err = fmt.Errorf("count round %d of certificate %x: it was counted before", u.Round, u.Serial)
	}
}

// charge writes down what a round cost; the same again changes nothing, anything else is refused.
func (w *writer) charge(c coordinator.ChargeRow) {
	n := w.exec("INSERT INTO charge VALUES (?, ?, ?) ON CONFLICT (round) DO UPDATE SET units = units WHERE question = excluded.question AND units = excluded.units",
		c.Round, c.Question[:], int64(c.Units))
	if w.err == nil && n != 1 {
		w.err = fmt.Errorf("charge round %d: it was charged before, with another amount or question", c.Round)
	}
}

// conduct keeps what is held against a certificate, once for each spoilt round.
func (w *writer) conduct(c coordinator.ConductRow) {
	n := w.exec("INSERT INTO conduct VALUES (?, ?, ?, ?) ON CONFLICT (serial) DO UPDATE SET level = excluded.level, last = excluded.last, until = excluded.until WHERE last < excluded.last",
		c.Serial[:], c.Level, c.Last, c.Until)
	if w.err == nil && n != 1 {
		w.err = fmt.Errorf("hold round %d against certificate %x: it was held against it before", c.Last, c.Serial)
	}
}

// move is the compare-and-swap of the head: it fails if another head is there.
func (w *writer) move(m *coordinator.Move) {
	if m == nil {
		return
	}
	n := w.exec("UPDATE head SET version = ?, model = ?, serve = ?, round = ?, idx = ? WHERE version = ? AND model = ?",
		m.To.Version, m.To.Model[:], m.To.Serve[:], m.To.Round, m.To.Index, m.From.Version, m.From.Model[:])
	if w.err == nil && n != 1 {
		w.err = fmt.Errorf("move head from version %d to %d: another version is the head", m.From.Version, m.To.Version)
	}
}

func (w *writer) end(e *coordinator.Ended) {
	if e == nil {
		return
	}
	n := w.exec("UPDATE round SET ended = ? WHERE round = ? AND open_hash = ? AND ended = -1", e.Index, e.Round, e.OpenHash[:])
	if w.err == nil && n != 1 {
		w.err = fmt.Errorf("end round %d: it is not running", e.Round)
	}
	for _, p := range e.Members {
		w.exec("INSERT INTO member VALUES (?, ?, ?, ?, ?, ?)", e.Round, p.ID[:], p.Index, p.Cohort, p.Leaf, p.YHash[:])
	}
	w.exec("DELETE FROM journal WHERE round = ?", e.Round)
	w.exec("DELETE FROM chunk WHERE round = ?", e.Round)
}

func packIndexes(list []uint64) []byte {
	var b []byte
	for _, i := range list {
		b = binary.BigEndian.AppendUint64(b, i)
	}
	return b
}

func unpackIndexes(b []byte) ([]uint64, error) {
	if len(b)%8 != 0 {
		return nil, fmt.Errorf("round.context holds an index list of %d bytes: %w", len(b), errDamaged)
	}
	var out []uint64
	for ; len(b) > 0; b = b[8:] {
		out = append(out, binary.BigEndian.Uint64(b))
	}
	return out, nil
}

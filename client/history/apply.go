package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Apply records an import in one transaction: after a crash all of it is there or nothing. A row that is known already
// changes nothing, so an import may be repeated.
func (s *Store) Apply(ctx context.Context, imp Import) (Outcome, error) {
	return s.apply(ctx, imp, (*sql.Tx).Commit)
}

// Preview tells what Apply would do, and does not do it.
func (s *Store) Preview(ctx context.Context, imp Import) (Outcome, error) {
	return s.apply(ctx, imp, (*sql.Tx).Rollback)
}

func (s *Store) apply(ctx context.Context, imp Import, end func(*sql.Tx) error) (Outcome, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Outcome{}, fmt.Errorf("apply import: %w", s.explain(err))
	}
	defer tx.Rollback()
	a := applier{ctx: ctx, tx: tx, stmts: map[string]*sql.Stmt{}, touched: map[int64]bool{}}
	out, err := a.run(imp)
	if err != nil {
		return Outcome{}, fmt.Errorf("apply import: %w", s.explain(err))
	}
	if err := end(tx); err != nil {
		return Outcome{}, fmt.Errorf("apply import: %w", s.explain(err))
	}
	return out, nil
}

// applier is one import under way.
type applier struct {
	ctx     context.Context
	tx      *sql.Tx
	stmts   map[string]*sql.Stmt // prepared once, closed with the transaction
	source  string
	imp     int64
	touched map[int64]bool // events that are new or changed
	order   []int64        // the same, in the order of the rows
}

func (a *applier) run(imp Import) (out Outcome, err error) {
	files, err := json.Marshal(imp.Files)
	if err != nil {
		return out, fmt.Errorf("encode file names: %w", err)
	}
	a.source = imp.Source
	a.imp, err = a.insert("INSERT INTO import (source, at, files, made, merged, duplicates) VALUES (?, ?, ?, 0, 0, 0)", imp.Source, imp.At, string(files))
	if err != nil {
		return out, err
	}
	for i := range imp.Rows {
		if err := a.row(&imp.Rows[i], &out); err != nil {
			return out, fmt.Errorf("%s row %d: %w", imp.Rows[i].File, imp.Rows[i].Row, err)
		}
	}
	if err := a.rest(imp); err != nil {
		return out, err
	}
	if err := a.exec("UPDATE import SET made = ?, merged = ?, duplicates = ? WHERE id = ?", out.Made, out.Merged, out.Duplicates, a.imp); err != nil {
		return out, err
	}
	for _, id := range a.order {
		e, err := a.event(id)
		if errors.Is(err, sql.ErrNoRows) {
			continue // folded into another one since
		}
		if err != nil {
			return out, err
		}
		out.Events = append(out.Events, e)
	}
	return out, nil
}

// rest records what is not an event: the rows that wait, and the names.
func (a *applier) rest(imp Import) error {
	for _, p := range imp.Pending {
		if err := a.pending(p); err != nil {
			return fmt.Errorf("%s row %d: %w", p.File, p.Row, err)
		}
	}
	for _, t := range imp.Titles {
		if err := a.exec(`INSERT INTO title (item, title, year) VALUES (?, ?, ?)
			ON CONFLICT (item) DO UPDATE SET title = excluded.title, year = excluded.year`, t.ID, t.Title, t.Year); err != nil {
			return fmt.Errorf("record titles: %w", err)
		}
	}
	return nil
}

// row places one row: on the event that this very row made before, else on the one of its identity, else on the play that
// another source tells of that day, else on a new one.
func (a *applier) row(r *Row, out *Outcome) error {
	e := &r.Event
	if err := e.validate(); err != nil {
		return err
	}
	if r.Hash == ([32]byte{}) {
		id := e.identity()
		r.Hash = RowHash(a.source, string(id[:]))
	}
	id, seen, err := a.find(r)
	if err != nil {
		return err
	}
	if id == 0 {
		if id, err = a.add(e); err != nil {
			return err
		}
		out.Made++
	} else {
		changed, err := a.merge(&id, e)
		if err != nil {
			return err
		}
		if changed {
			out.Merged++
		} else {
			out.Duplicates++
		}
	}
	if seen {
		return nil
	}
	if err := a.exec("DELETE FROM pending WHERE hash = ?", r.Hash[:]); err != nil {
		return err
	}
	return a.exec("INSERT INTO origin (hash, event, import, file, row) VALUES (?, ?, ?, ?, ?)", r.Hash[:], id, a.imp, r.File, r.Row)
}

// find gives the event that a row belongs to, 0 if there is none, and whether this very row was seen before.
func (a *applier) find(r *Row) (id int64, seen bool, err error) {
	id, err = a.id("SELECT event FROM origin WHERE hash = ?", r.Hash[:])
	if id != 0 || err != nil {
		return id, true, err
	}
	e := &r.Event
	key := e.identity()
	id, err = a.id("SELECT id FROM event WHERE identity = ?", key[:])
	if id != 0 || err != nil || e.Kind != Play || e.At == "" {
		return id, false, err
	}
	id, err = a.id(`SELECT id FROM event WHERE item = ? AND kind = 'play' AND season IS ? AND episode IS ? AND episode_title = ? AND substr(at, 1, 10) = ?
		AND (length(at) = 10 OR length(?) = 10 OR at = ?)
		AND NOT EXISTS (SELECT 1 FROM origin JOIN import ON import.id = origin.import WHERE origin.event = event.id AND import.source = ?)
		ORDER BY id LIMIT 1`, e.ID, e.Season, e.Episode, e.EpisodeTitle, day(e.At), e.At, e.At, a.source)
	return id, false, err
}

func (a *applier) add(e *Event) (int64, error) {
	args, err := columns(e)
	if err != nil {
		return 0, err
	}
	id, err := a.insert("INSERT INTO event ("+eventColumns+") VALUES ("+eventMarks+")", args...)
	if err == nil {
		a.touch(id)
	}
	return id, err
}

// merge adds a row to an event. An id that is better now moves the event; where one of that identity exists, the two
// become one, and id names it.
func (a *applier) merge(id *int64, e *Event) (bool, error) {
	old, err := a.event(*id)
	if err != nil {
		return false, err
	}
	before := old.identity()
	changed := merge(&old, e)
	if old.ID != e.ID && better(&old, e) {
		old.ID, old.Known, old.Title, changed = e.ID, e.Known, e.Title, true
	}
	if !changed {
		return false, nil
	}
	if key := old.identity(); key != before {
		other, err := a.id("SELECT id FROM event WHERE identity = ?", key[:])
		if err != nil {
			return false, err
		}
		if other != 0 {
			return true, a.fold(id, other, &old)
		}
	}
	args, err := columns(&old)
	if err != nil {
		return false, err
	}
	a.touch(*id)
	return true, a.exec("UPDATE event SET ("+eventColumns+") = ("+eventMarks+") WHERE id = ?", append(args, *id)...)
}

// fold makes one event of two: the rows of id move to other.
func (a *applier) fold(id *int64, other int64, e *Event) error {
	if err := a.exec("UPDATE origin SET event = ? WHERE event = ?", other, *id); err != nil {
		return err
	}
	if err := a.exec("DELETE FROM event WHERE id = ?", *id); err != nil {
		return err
	}
	*id = other
	_, err := a.merge(id, e)
	return err
}

func (a *applier) touch(id int64) {
	if !a.touched[id] {
		a.touched[id] = true
		a.order = append(a.order, id)
	}
}

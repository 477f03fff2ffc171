package history

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// The columns of an event, in the order of columns and scan.
const (
	eventColumns = "identity, kind, item, season, episode, episode_title, at, value, count, seconds, complete, rewatch, tags, text, known, title"
	eventMarks   = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
)

// columns gives an event's columns.
func columns(e *Event) ([]any, error) {
	tags := ""
	if len(e.Tags) > 0 {
		b, err := json.Marshal(e.Tags)
		if err != nil {
			return nil, fmt.Errorf("encode tags: %w", err)
		}
		tags = string(b)
	}
	key := e.identity()
	return []any{key[:], string(e.Kind), e.ID, e.Season, e.Episode, e.EpisodeTitle, e.At, e.Value, e.Count, e.Seconds, e.Complete, e.Rewatch, tags, e.Text, e.Known, e.Title}, nil
}

// event reads one event.
func (a *applier) event(id int64) (Event, error) {
	st, err := a.prepare("SELECT " + eventColumns + " FROM event WHERE id = ?")
	if err != nil {
		return Event{}, err
	}
	return scan(st.QueryRowContext(a.ctx, id).Scan)
}

func scan(row func(...any) error) (Event, error) {
	var e Event
	var key []byte
	var tags string
	err := row(&key, &e.Kind, &e.ID, &e.Season, &e.Episode, &e.EpisodeTitle, &e.At, &e.Value, &e.Count, &e.Seconds, &e.Complete, &e.Rewatch, &tags, &e.Text, &e.Known, &e.Title)
	if err == nil && tags != "" {
		err = json.Unmarshal([]byte(tags), &e.Tags)
	}
	return e, err
}

// pending keeps a row that waits, unless it was placed before.
func (a *applier) pending(p Pending) error {
	placed, err := a.id("SELECT event FROM origin WHERE hash = ?", p.Hash[:])
	if placed != 0 || err != nil {
		return err
	}
	candidates, err := json.Marshal(p.Candidates)
	if err != nil {
		return fmt.Errorf("encode candidates: %w", err)
	}
	event, err := json.Marshal(p.Event)
	if err != nil {
		return fmt.Errorf("encode pending event: %w", err)
	}
	return a.exec(`INSERT INTO pending (hash, import, file, row, title, year, why, candidates, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET import = excluded.import, file = excluded.file, row = excluded.row, why = excluded.why, candidates = excluded.candidates`,
		p.Hash[:], a.imp, p.File, p.Row, p.Title, p.Year, p.Why, string(candidates), string(event))
}

func (a *applier) prepare(query string) (*sql.Stmt, error) {
	if st := a.stmts[query]; st != nil {
		return st, nil
	}
	st, err := a.tx.PrepareContext(a.ctx, query)
	if err == nil {
		a.stmts[query] = st
	}
	return st, err
}

func (a *applier) exec(query string, args ...any) error {
	st, err := a.prepare(query)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(a.ctx, args...)
	return err
}

func (a *applier) insert(query string, args ...any) (int64, error) {
	st, err := a.prepare(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(a.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// id asks for one number; 0 if there is no such row.
func (a *applier) id(query string, args ...any) (int64, error) {
	st, err := a.prepare(query)
	if err != nil {
		return 0, err
	}
	var id int64
	err = st.QueryRowContext(a.ctx, args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/model"
)

// Watch is one watched title, as the models learn from it.
type Watch = model.Watch

// Watches gives one watch for each title that the person has seen, oldest first. It is implicit feedback, as the MovieLens
// evaluations use it: to play, see, rate at any value, like, dislike, drop or review a title is to have watched it; to
// list, tag or plan it is not. At is the first known time, noon UTC of a day known without its hour, and 0, which comes first, if
// no time is known. At one time, the order of the import stands. The episodes of a show are one title.
func (s *Store) Watches(ctx context.Context) ([]Watch, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT item, at FROM event
		WHERE kind IN ('play', 'seen', 'rating', 'like', 'dislike', 'dropped', 'review') ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", s.explain(err))
	}
	defer rows.Close()
	var out []Watch
	index := map[string]int{}
	for rows.Next() {
		var item, at string
		if err := rows.Scan(&item, &at); err != nil {
			return nil, fmt.Errorf("read history: %w", s.explain(err))
		}
		t, err := unix(at)
		if err != nil {
			return nil, fmt.Errorf("read history: %s: a time in it is not one: %w", s.path, errDamaged)
		}
		i, seen := index[item]
		if !seen {
			index[item] = len(out)
			out = append(out, Watch{Item: item, At: t})
		} else if t != 0 && (out[i].At == 0 || t < out[i].At) {
			out[i].At = t
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read history: %w", s.explain(err))
	}
	slices.SortStableFunc(out, func(a, b Watch) int { return cmp.Compare(a.At, b.At) })
	return out, nil
}

// Titles gives the names that imports brought, by id.
func (s *Store) Titles(ctx context.Context) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT item, title FROM title")
	if err != nil {
		return nil, fmt.Errorf("read titles: %w", s.explain(err))
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id, title string
		if err := rows.Scan(&id, &title); err != nil {
			return nil, fmt.Errorf("read titles: %w", s.explain(err))
		}
		out[id] = title
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read titles: %w", s.explain(err))
	}
	return out, nil
}

// Events gives every event, in the order in which they were told.
func (s *Store) Events(ctx context.Context) ([]Event, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+eventColumns+" FROM event ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read events: %w", s.explain(err))
	}
	defer rows.Close()
	var out []Event
	for rows.Next() {
		e, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", s.explain(err))
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events: %w", s.explain(err))
	}
	return out, nil
}

// Count is how many events there are.
func (s *Store) Count(ctx context.Context) (int, error) { return s.count(ctx, "event") }

// Waiting is how many rows of imports wait for a person or a newer catalogue.
func (s *Store) Waiting(ctx context.Context) (int, error) { return s.count(ctx, "pending") }

func (s *Store) count(ctx context.Context, table string) (n int, err error) {
	if err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		return 0, fmt.Errorf("count history: %w", s.explain(err))
	}
	return n, nil
}

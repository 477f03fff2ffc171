package serve

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/rank"
)

// Limits of a query.
const (
	DefaultN = 10
	MaxN     = rank.MaxN
	MaxSeeds = 1000
)

// Query asks for a slate: either from watched titles, oldest first, or from a user vector of the model's width.
type Query struct {
	Seeds  []string
	Vector []float32
	N      int          // 1 to MaxN; 0 means DefaultN
	Kind   catalog.Kind // list only films, or only series; 0 both. Seeds are of any kind
}

// Slate is one answer, all of one release.
type Slate struct {
	Release Release
	Items   []Entry // best first
}

// Entry is one place of a slate. Its rank is its place, from 1.
type Entry struct {
	Title   catalog.Title
	Score   float32
	Because *catalog.Title // the seed that speaks most for it (model.Because); nil where none does, or no seeds were given
}

// Field is what is wrong with one field of a query.
type Field struct {
	Name   string // such as n or seeds[3]
	Detail string
}

// BadQuery lists everything that is wrong with a query.
type BadQuery struct{ Fields []Field }

func (e *BadQuery) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Name + ": " + f.Detail
	}
	return "query: " + strings.Join(parts, "; ")
}

// ErrNotInModel says that the catalogue has a title that the model in service does not know.
var ErrNotInModel = errors.New("the model in service does not know this title")

// Recommend lists titles for a query, none of its seeds among them. Errors: ErrNoModel, *BadQuery.
func (s *Service) Recommend(q Query) (Slate, error) {
	e := s.enter() // once: one answer, one version
	if e == nil {
		return Slate{}, ErrNoModel
	}
	defer e.leave()
	if q.N == 0 {
		q.N = DefaultN
	}
	bad := q.check(e)
	if len(bad) > 0 {
		return Slate{}, &BadQuery{bad}
	}
	seen := e.history(q)
	items, err := e.best(q.Vector, seen, rank.Query{N: q.N, Seen: seen, Barred: e.barred[q.Kind]})
	if (errors.Is(err, rank.ErrScore) || errors.Is(err, rank.ErrQuery)) && q.Vector != nil {
		return Slate{}, &BadQuery{[]Field{{"vector", "its numbers are so large that no score is finite"}}}
	}
	if err != nil {
		return Slate{}, fmt.Errorf("recommend: %w", err)
	}
	out := e.slate(items)
	if err := e.explain(out.Items, items, seen); err != nil {
		return Slate{}, fmt.Errorf("recommend: %w", err)
	}
	return out, nil
}

// explain names the seed that speaks most for each entry.
func (e *engine) explain(entries []Entry, items []rank.Item, seen []int) error {
	if len(seen) == 0 {
		return nil
	}
	history := make([]model.Example, len(seen))
	for i, row := range seen {
		history[i].Item = row
	}
	because, err := model.NewBecause(e.snapshot, history)
	if err != nil {
		return err
	}
	for i, it := range items {
		place, ok := because.Place(it.Index)
		if !ok {
			continue
		}
		t := e.titles[seen[place]]
		if t.ID == "" { // a seed that the model knows and the catalogue cannot name
			t.ID = e.snapshot.Layout.Items[seen[place]]
		}
		entries[i].Because = &t
	}
	return nil
}

// check lists what is wrong with a query, for the engine that would answer.
func (q Query) check(e *engine) (bad []Field) {
	if f, ok := checkN(q.N); !ok {
		bad = append(bad, f)
	}
	if f, ok := checkKind(q.Kind); !ok {
		bad = append(bad, f)
	}
	if (len(q.Seeds) > 0) == (q.Vector != nil) {
		return append(bad, Field{"seeds", "give either seeds, at least one watched title, or vector"})
	}
	if len(q.Seeds) > MaxSeeds {
		return append(bad, Field{"seeds", fmt.Sprintf("%d titles, at most %d", len(q.Seeds), MaxSeeds)})
	}
	for i, id := range q.Seeds {
		if _, ok := e.rows[id]; !ok {
			bad = append(bad, Field{fmt.Sprintf("seeds[%d]", i), fmt.Sprintf("title %.140q is not known to the model", id)})
		}
	}
	if q.Vector != nil {
		if _, err := model.VectorScorer(e.snapshot, q.Vector); err != nil {
			bad = append(bad, Field{"vector", err.Error()})
		}
	}
	return bad
}

func checkN(n int) (Field, bool) {
	return Field{"n", fmt.Sprintf("%d, want 1 to %d", n, MaxN)}, n >= 1 && n <= MaxN
}

func checkKind(k catalog.Kind) (Field, bool) {
	return Field{"kind", fmt.Sprintf("%s, want film or series, or leave it out for both", k)}, k == 0 || k == catalog.Film || k == catalog.Series
}

// history is the rows of a checked query's seeds, each once.
func (e *engine) history(q Query) (rows []int) {
	have := map[int]bool{}
	for _, id := range q.Seeds {
		if row := e.rows[id]; !have[row] {
			have[row] = true
			rows = append(rows, row)
		}
	}
	return rows
}

// Similar lists the titles whose item vectors point most nearly the same way as that of id; the score is the cosine. n is 1 to
// MaxN, 0 means DefaultN; kind lists only films or only series, whatever id is, and 0 both. Errors: ErrNoModel, catalog.ErrUnknown, ErrNotInModel, *BadQuery.
func (s *Service) Similar(id string, n int, kind catalog.Kind) (Slate, error) {
	if _, err := s.cfg.Catalogue.Get(id); err != nil {
		return Slate{}, err
	}
	e := s.enter()
	if e == nil {
		return Slate{}, ErrNoModel
	}
	defer e.leave()
	if n == 0 {
		n = DefaultN
	}
	if f, ok := checkN(n); !ok {
		return Slate{}, &BadQuery{[]Field{f}}
	}
	if f, ok := checkKind(kind); !ok {
		return Slate{}, &BadQuery{[]Field{f}}
	}
	row, ok := e.rows[id]
	if !ok {
		return Slate{}, fmt.Errorf("title %q: %w", id, ErrNotInModel)
	}
	items, err := e.similar(row, rank.Query{N: n, Seen: []int{row}, Barred: e.barred[kind]})
	if err != nil {
		return Slate{}, fmt.Errorf("titles similar to %q: %w", id, err)
	}
	return e.slate(items), nil
}

func (e *engine) slate(items []rank.Item) Slate {
	out := Slate{Release: e.release, Items: make([]Entry, len(items))}
	for i, it := range items {
		out.Items[i] = Entry{Title: e.titles[it.Index], Score: it.Score}
	}
	return out
}

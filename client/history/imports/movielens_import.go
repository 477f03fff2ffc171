package imports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/cinesync/cinesync/client/history"
)

// Bounds on what one import keeps in memory.
const (
	maxOwnRows = 500_000 // of the chosen person
	maxBadRows = 100_000
)

// movieLensImport is one import under way.
type movieLensImport struct {
	user   string
	named  bool // the user was asked for
	films  *resolver
	text   markup
	report Report
	out    history.Import
	bad    int
}

func readMovieLensImport(ctx context.Context, src *source, o Options) (*Result, error) {
	set, err := findDataset(src, o.Source == MovieLens)
	if err != nil {
		return nil, err
	}
	table, err := readMovies(ctx, set)
	if err != nil {
		return nil, err
	}
	m := &movieLensImport{user: o.User, named: o.User != "", films: newResolver(table, o.Catalogue), text: newMarkup()}
	m.report = Report{Source: MovieLens, Files: []File{}, Ignored: map[string]int{}, Ambiguous: []Ambiguous{}, Unmatched: []Unmatched{}}
	m.out.Source = MovieLens
	for _, e := range src.files {
		m.report.Files = append(m.report.Files, File{Name: e.name})
	}
	for _, r := range []role{ratings, movies, links, tags} {
		p, ok := set[r]
		if !ok {
			continue
		}
		f := &m.report.Files[p.index]
		f.Used = true
		m.out.Files = append(m.out.Files, f.Name)
		if r != ratings && r != tags {
			continue
		}
		n, err := p.each(ctx, func(row *row) error { return m.row(&p, row) })
		if err != nil {
			return nil, err
		}
		f.Rows = &n
		m.report.Rows += n
	}
	m.out.Titles = m.films.names()
	slices.SortFunc(m.out.Titles, func(a, b history.Title) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Title, b.Title)) })
	return &Result{Report: m.report.With(history.Distinct(m.out.Rows)), Import: m.out}, nil
}

// row puts one row of ratings or tags in its place.
func (m *movieLensImport) row(p *part, r *row) error {
	if r.fields == nil {
		return m.unmatched(p, r, badRow)
	}
	user := r.column(0)
	if _, ok := number(user); !ok {
		return m.unmatched(p, r, badRow)
	}
	if m.user == "" {
		m.user = user
	}
	switch {
	case user == m.user:
		return m.own(p, r)
	case !m.named:
		return &DecideError{Flag: "--user", Choices: []string{m.user, user}}
	}
	m.report.Ignored[otherUser]++
	return nil
}

// own places a row of the chosen person.
func (m *movieLensImport) own(p *part, r *row) error {
	n, ok := number(r.column(1))
	film := m.films.film(n)
	if !ok || film == nil {
		return m.unmatched(p, r, badRow)
	}
	e := history.Event{Known: film.known}
	if film.known != nil {
		e.Title = film.name.title
	}
	hash := history.RowHash(MovieLens, append([]string{p.base}, r.columns()...)...)
	if p.role == ratings {
		stars, err := strconv.ParseFloat(r.column(2), 64)
		if err != nil || !(stars >= 0.5 && stars <= 5) {
			return m.unmatched(p, r, badRow)
		}
		e.Kind, e.Value = history.Rating, 2*stars
	} else {
		e.Kind, e.Text = history.Tag, m.text.clean(text(r.fields[2]))
	}
	at, ok := seconds(r.column(3))
	switch {
	case !ok:
		return m.unmatched(p, r, badDate)
	case e.Kind == history.Tag && e.Text == "":
		m.report.Ignored[empty]++
		return nil
	}
	e.At = history.Instant(at)
	if film.id == "" {
		return m.wait(p, r, hash, film, e)
	}
	e.ID = film.id
	m.out.Rows = append(m.out.Rows, history.Row{File: p.name, Row: r.n, Hash: hash, Event: e})
	return m.bound()
}

// wait keeps a row that found no single film.
func (m *movieLensImport) wait(p *part, r *row, hash [32]byte, film *resolved, e history.Event) error {
	if film.why == unknownTitle {
		m.report.Unmatched = append(m.report.Unmatched, Unmatched{File: p.name, Row: r.n, Title: film.name.title, Year: film.name.year, Why: film.why})
	} else {
		m.report.Ambiguous = append(m.report.Ambiguous, Ambiguous{File: p.name, Row: r.n, Title: film.name.title, Year: film.name.year, Candidates: film.candidates, Why: film.why})
	}
	m.out.Pending = append(m.out.Pending, history.Pending{File: p.name, Row: r.n, Hash: hash, Title: film.name.title, Year: film.name.year, Why: film.why, Candidates: film.candidates, Event: e})
	return m.bound()
}

// unmatched reports a row that cannot be read.
func (m *movieLensImport) unmatched(p *part, r *row, why string) error {
	m.report.Unmatched = append(m.report.Unmatched, Unmatched{File: p.name, Row: r.n, Why: why})
	if m.bad++; m.bad > maxBadRows {
		return fmt.Errorf("more than %d rows of %s cannot be read (the last one is row %d): is it a MovieLens file? %w", maxBadRows, p.name, r.n, ErrUnreadable)
	}
	return nil
}

func (m *movieLensImport) bound() error {
	if len(m.out.Rows)+len(m.out.Pending) > maxOwnRows {
		return fmt.Errorf("user %s has more than %d rows, which no person has: %w", m.user, maxOwnRows, ErrUnreadable)
	}
	return nil
}

// seconds reads Unix seconds up to the year 9999. The epoch means unknown.
func seconds(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && n <= 253402300799
}

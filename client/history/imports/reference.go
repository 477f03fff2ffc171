package imports

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/client/history"
)

// movie is one film of a data set: how it is called, and its ids elsewhere.
type movie struct {
	raw    string // the title as it stands
	genres []string
	imdb   string // ttN, or ""
	tmdb   int    // 0 none
}

// maxMovies bounds the titles of a data set.
const maxMovies = 1_000_000

// readMovies reads titles and links. A row of them that cannot be read is passed over: what it names stays unknown.
func readMovies(ctx context.Context, set dataset) (map[int]*movie, error) {
	titles := set[movies]
	genres, err := titles.optional("genres")
	if err != nil {
		return nil, err
	}
	out := map[int]*movie{}
	_, err = titles.each(ctx, func(r *row) error {
		if r.fields == nil {
			return nil
		}
		id, ok := number(r.column(0))
		title := r.column(1)
		if !ok || title == "" || len(title) > maxTitle {
			return nil
		}
		if out[id] == nil && len(out) == maxMovies {
			return fmt.Errorf("%s holds more than %d titles: %w", titles.name, maxMovies, ErrUnreadable)
		}
		out[id] = &movie{raw: title, genres: titles.genres(r, genres)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l, ok := set[links]; ok {
		_, err = l.each(ctx, func(r *row) error {
			if r.fields == nil {
				return nil
			}
			if id, ok := number(r.column(0)); ok && out[id] != nil {
				out[id].imdb, out[id].tmdb = imdbID(r.column(1)), tmdbID(r.column(2))
			}
			return nil
		})
	}
	return out, err
}

// maxTitle is the longest title in bytes.
const maxTitle = 1000

// genres reads a film's genres: names between bars, or one 0 or 1 for each of ML-100K's.
func (p *part) genres(r *row, at int) []string {
	if p.format == "100k" {
		var out []string
		for i, flag := range r.extra[len(p.columns):] {
			if names := hundredKGenres(); i < len(names) && i > 0 && strings.TrimSpace(string(flag)) == "1" {
				out = append(out, names[i])
			}
		}
		return out
	}
	if at < 0 || at >= len(r.extra) {
		return nil
	}
	s := strings.TrimSpace(text(r.extra[at]))
	if s == "" || s == "(no genres listed)" {
		return nil
	}
	return strings.Split(s, "|")
}

// hundredKGenres are the columns of u.item behind the URL, as u.genre lists them; the first is none.
func hundredKGenres() [19]string {
	return [19]string{"unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
		"Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"}
}

// number reads an id of a data set.
func number(s string) (int, bool) {
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}

// imdbID reads "0114709", "110912" or "tt0114709" as "tt" and at least seven digits.
func imdbID(s string) string {
	n, ok := number(strings.TrimPrefix(s, "tt"))
	if !ok || n == 0 {
		return ""
	}
	return fmt.Sprintf("tt%07d", n)
}

func tmdbID(s string) int {
	n, _ := number(strings.TrimSuffix(s, ".0")) // spreadsheets write whole numbers so
	return n
}

// ownID is the id of a film without links and without a catalogue.
func ownID(n int) string { return movieLensPrefix + strconv.Itoa(n) }

// linkedID is what links say, "" if nothing.
func (m *movie) linkedID() string {
	switch {
	case m.tmdb != 0:
		return "tmdb:movie:" + strconv.Itoa(m.tmdb)
	case m.imdb != "":
		return "imdb:" + m.imdb
	}
	return ""
}

// resolver leads a data set's films to ids, once each.
type resolver struct {
	movies map[int]*movie
	cat    *Catalogue
	titles *titles
	done   map[int]*resolved
}

// resolved is a film with its name, and its id or the reason why there is none.
type resolved struct {
	match
	name  name
	known *bool
}

func newResolver(m map[int]*movie, c *Catalogue) *resolver {
	return &resolver{movies: m, cat: c, titles: newTitles(), done: map[int]*resolved{}}
}

// film resolves a film; nil if the titles do not have it.
func (r *resolver) film(n int) *resolved {
	if res := r.done[n]; res != nil {
		return res
	}
	m := r.movies[n]
	if m == nil {
		return nil
	}
	res := &resolved{name: r.titles.parse(m.raw)}
	r.done[n] = res
	linked := m.linkedID()
	switch {
	case r.cat == nil && linked != "":
		res.id = linked
	case r.cat == nil:
		res.id = ownID(n)
	case linked != "":
		res.id, res.known = r.linked(m, linked)
	case r.cat.has(ownID(n), res.name):
		res.id = ownID(n)
	default:
		res.match = r.cat.film(res.name)
	}
	return res
}

// linked takes links as they are: what the catalogue knows by either id, else the id itself, marked unknown.
func (r *resolver) linked(m *movie, id string) (string, *bool) {
	if _, ok := r.cat.byID[id]; ok {
		return id, nil
	}
	if w, ok := r.cat.byIMDb[m.imdb]; ok && m.imdb != "" {
		return r.cat.works[w].ID, nil
	}
	unknown := false
	return id, &unknown
}

// has tells whether the catalogue was made from this data set's titles as far as one film shows: its number is there, under a
// name of the film. Numbers of different MovieLens releases differ, so the number alone proves nothing.
func (c *Catalogue) has(id string, n name) bool {
	i, ok := c.byID[id]
	if !ok {
		return false
	}
	w := c.works[i]
	for _, s := range n.all {
		for _, t := range append([]string{w.Title, w.Original}, w.Aka...) {
			if t != "" && (t == s || c.titles.key(t) == c.titles.key(s)) {
				return true
			}
		}
	}
	return false
}

// names lists the names to show: the catalogue's, else the data set's own, in no order.
func (r *resolver) names() []history.Title {
	var out []history.Title
	if r.cat != nil {
		for _, w := range r.cat.works {
			out = append(out, history.Title{ID: w.ID, Title: w.Title, Year: w.Year})
		}
		for _, res := range r.done {
			if res.known != nil {
				out = append(out, history.Title{ID: res.id, Title: res.name.title, Year: res.name.year})
			}
		}
		return out
	}
	for n := range r.movies {
		res := r.film(n)
		out = append(out, history.Title{ID: res.id, Title: res.name.title, Year: res.name.year})
	}
	return out
}

package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Facts are what else is publicly known of a film. Any of them may be missing.
type Facts struct {
	Directors, Writers, Cast []string // names, in the order of the source, each once
	Keywords                 []string // lower case, each once
	Plot                     string
}

// Limits of what is kept of a film's facts; what goes beyond is left out.
const (
	maxNames    = 48
	maxKeywords = 48
	maxWord     = 96   // bytes of a name or keyword
	maxPlot     = 2048 // bytes
)

// ReadTitles reads the titles of a data set in the order of its item numbers, with the facts that lie beside them: for ML-1M
// movies_extrainfos.dat and item_map.tsv, which gives the order; for TMDB-5000 all of it. The tags of ML-latest are left alone: people whose histories are
// learned from wrote them. Any file may be compressed as NAME.gz. Ratings are not needed and not read.
func ReadTitles(dir string) ([]Title, error) {
	src, err := openSource(dir, movieLensCompanions)
	if err != nil {
		return nil, fmt.Errorf("read titles of %s: %w", dir, err)
	}
	for i := range src.files {
		src.files[i] = src.files[i].unpacked()
	}
	out, err := readTitles(context.Background(), src)
	if err := errors.Join(err, src.close()); err != nil {
		return nil, fmt.Errorf("read titles of %s: %w", dir, err)
	}
	return out, nil
}

func readTitles(ctx context.Context, src *source) ([]Title, error) {
	if e, ok, err := src.named("tmdb_5000_movies.csv"); err != nil || ok {
		if err != nil {
			return nil, err
		}
		return readTMDB(ctx, e)
	}
	set, err := findTitles(src)
	if err != nil {
		return nil, err
	}
	table, err := readMovies(ctx, set)
	if err != nil {
		return nil, err
	}
	films := newResolver(table, nil)
	facts, err := readFacts(ctx, src)
	if err != nil {
		return nil, err
	}
	e, mapped, err := src.named("item_map.tsv")
	if err != nil {
		return nil, err
	}
	if !mapped {
		return titlesOf(films, facts), nil
	}
	order, err := readItemMap(ctx, e)
	if err != nil {
		return nil, err
	}
	out := make([]Title, len(order))
	for i, n := range order {
		if films.film(n) == nil {
			return nil, fmt.Errorf("%s: item %d is film %d, which the titles do not have: %w", e.name, i, n, ErrUnreadable)
		}
		out[i] = films.title(n, facts[n])
	}
	return out, nil
}

// named finds the one file of a name, wherever in the source it lies.
func (s *source) named(name string) (entry, bool, error) {
	var found []entry
	for _, e := range s.files {
		if base(e.name) == name {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return entry{}, false, nil
	case 1:
		return found[0], true, nil
	}
	return entry{}, false, fmt.Errorf("%s lies there %d times: give the folder of one data set: %w", name, len(found), ErrUnreadable)
}

// findTitles recognises the files of one data set's titles; its ratings may be missing.
func findTitles(src *source) (dataset, error) {
	set, format := dataset{}, ""
	for i, e := range src.files {
		s, ok, err := recognise(e, true)
		if err != nil {
			return nil, err
		}
		if !ok || s.role == ratings {
			continue
		}
		if _, twice := set[s.role]; twice || format != "" && format != s.format {
			return nil, fmt.Errorf("titles of several data sets are there: give the folder of one of them: %w", ErrUnreadable)
		}
		set[s.role], format = part{e, s, i}, s.format
	}
	if _, ok := set[movies]; !ok {
		return nil, fmt.Errorf("no titles are there: want movies.csv, movies.dat, u.item or tmdb_5000_movies.csv: %w", ErrUnreadable)
	}
	return set, nil
}

// readFacts reads what lies beside the titles, by film number.
func readFacts(ctx context.Context, src *source) (map[int]Facts, error) {
	e, ok, err := src.named("movies_extrainfos.dat")
	if err != nil {
		return nil, err
	}
	if ok {
		return readExtras(ctx, e)
	}
	return nil, nil
}

// title is a film as it is handed out.
func (r *resolver) title(n int, facts Facts) Title {
	f := r.film(n)
	return Title{ID: f.id, Title: f.name.title, Year: f.name.year, Genres: r.movies[n].genres, Facts: facts}
}

// AddFacts fills in the facts that titles lack from others of the same id, or else of the same name and year. It returns of how
// many titles something was learned.
func AddFacts(titles, from []Title) int {
	names := newTitles()
	key := func(t Title) string { return fmt.Sprintf("%s (%d)", names.key(t.Title), t.Year) }
	byID, byKey := map[string]Facts{}, map[string]Facts{}
	for _, t := range slices.Backward(from) {
		byID[t.ID] = t.Facts
		if t.Year != 0 {
			byKey[key(t)] = t.Facts
		}
	}
	n := 0
	for i := range titles {
		facts, ok := byID[titles[i].ID]
		if !ok {
			facts, ok = byKey[key(titles[i])]
		}
		if ok && titles[i].add(facts) {
			n++
		}
	}
	return n
}

// add takes over what is missing, and reports whether anything was.
func (f *Facts) add(from Facts) bool {
	learned := false
	for _, list := range []struct{ dst, src *[]string }{{&f.Directors, &from.Directors}, {&f.Writers, &from.Writers}, {&f.Cast, &from.Cast}, {&f.Keywords, &from.Keywords}} {
		if len(*list.dst) == 0 && len(*list.src) > 0 {
			*list.dst, learned = slices.Clone(*list.src), true
		}
	}
	if f.Plot == "" && from.Plot != "" {
		f.Plot, learned = from.Plot, true
	}
	return learned
}

// words keeps the usable ones of a list of names or keywords: short ones, each once, at most so many.
func words(list []string, most int) []string {
	var out []string
	for _, w := range list {
		w = plainText(w)
		if w == "" || len(w) > maxWord || w == "N/A" || slices.Contains(out, w) {
			continue
		}
		if out = append(out, w); len(out) == most {
			break
		}
	}
	return out
}

// plot is a text cut to its limit at a letter's end.
func plot(s string) string {
	s = plainText(s)
	if s == "N/A" {
		return ""
	}
	if len(s) > maxPlot {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:maxPlot], "")) // of a letter that was cut nothing stays
	}
	return s
}

// plainText has no control characters, and single spaces.
func plainText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// sortedKeys lists the numbers of films in order.
func sortedKeys[V any](m map[int]V) []int {
	out := make([]int, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

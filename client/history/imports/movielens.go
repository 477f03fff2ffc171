package imports

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// movieLensPrefix begins an id that is only a data set's own number.
const movieLensPrefix = "movielens:movie:"

// role is what a file of a data set holds.
type role uint8

const (
	ratings role = iota + 1
	movies
	links
	tags
)

// shape is one kind of MovieLens file: a base name, how it is cut, and its columns. Files with a header name their columns
// themselves; the others have exactly these, or at least these.
type shape struct {
	base    string
	format  string // of the data set that the file belongs to
	role    role
	sep     string
	header  bool
	columns []string
	more    bool // further columns may follow
}

// shapes lists the files of ML-latest (and 20M to 32M), ML-1M (and 10M), and ML-100K.
func shapes() []shape {
	return []shape{
		{base: "ratings.csv", format: "latest", role: ratings, sep: ",", header: true, columns: []string{"userid", "movieid", "rating", "timestamp"}},
		{base: "movies.csv", format: "latest", role: movies, sep: ",", header: true, columns: []string{"movieid", "title"}},
		{base: "links.csv", format: "latest", role: links, sep: ",", header: true, columns: []string{"movieid", "imdbid", "tmdbid"}},
		{base: "tags.csv", format: "latest", role: tags, sep: ",", header: true, columns: []string{"userid", "movieid", "tag", "timestamp"}},
		{base: "ratings.dat", format: "1m", role: ratings, sep: "::", columns: []string{"userid", "movieid", "rating", "timestamp"}},
		{base: "movies.dat", format: "1m", role: movies, sep: "::", columns: []string{"movieid", "title", "genres"}},
		{base: "u.data", format: "100k", role: ratings, sep: "\t", columns: []string{"userid", "movieid", "rating", "timestamp"}},
		{base: "u.item", format: "100k", role: movies, sep: "|", columns: []string{"movieid", "title", "released", "video", "url"}, more: true},
	}
}

// movieLensCompanions names the files that a single file is read with: the titles and links of its data set.
func movieLensCompanions(base string) []string {
	all := shapes()
	i := slices.IndexFunc(all, func(s shape) bool { return s.base == base })
	if i < 0 {
		return nil
	}
	var out []string
	for _, s := range all {
		if s.format == all[i].format && s.base != base && (s.role == movies || s.role == links) {
			out = append(out, s.base)
		}
	}
	return out
}

// dataset is the files of one MovieLens data set, by role.
type dataset map[role]part

type part struct {
	entry
	shape
	index int // in the source's list
}

// findDataset recognises the one data set in a source, by file names and headers.
func findDataset(src *source, named bool) (dataset, error) {
	sets := map[string]dataset{}
	for i, e := range src.files {
		s, ok, err := recognise(e, named)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		at := path.Dir(e.name) + " " + s.format
		if sets[at] == nil {
			sets[at] = dataset{}
		}
		sets[at][s.role] = part{e, s, i}
	}
	var found []string
	for at, set := range sets {
		if _, ok := set[ratings]; ok {
			found = append(found, at)
		}
	}
	slices.Sort(found)
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no MovieLens ratings are there: want a folder, zip or file with ratings.csv, ratings.dat or u.data, with the columns that GroupLens gives them: %w", ErrUnreadable)
	case len(found) > 1:
		return nil, fmt.Errorf("several data sets are there: give the folder of one of them: %w", ErrUnreadable)
	}
	set := sets[found[0]]
	if _, ok := set[movies]; !ok {
		return nil, fmt.Errorf("the titles are missing: put movies.csv, movies.dat or u.item beside the ratings: %w", ErrUnreadable)
	}
	return set, nil
}

// recognise knows a file by its base name and its first row: the header, or as many columns as the format has. A source
// that was named is believed where there is no header to ask.
func recognise(e entry, named bool) (shape, bool, error) {
	all := shapes()
	i := slices.IndexFunc(all, func(s shape) bool { return s.base == base(e.name) })
	if i < 0 {
		return shape{}, false, nil
	}
	s := all[i]
	if named && !s.header {
		return s, true, nil
	}
	f, err := e.open()
	if err != nil {
		return s, false, err
	}
	defer f.Close()
	rows := newRecords(f, s.sep)
	first, ok, _ := rows.next()
	if rows.err != nil {
		return s, false, fmt.Errorf("read %s: %w: %w", e.name, rows.err, ErrUnreadable)
	}
	return s, ok && s.places(first) != nil, nil
}

// places gives the position of each column in a first row, nil if that is not one of this shape.
func (s *shape) places(first [][]byte) []int {
	var at []int
	for i, c := range s.columns {
		if s.header {
			i = slices.IndexFunc(first, func(b []byte) bool { return strings.EqualFold(strings.TrimSpace(text(b)), c) })
		}
		if i < 0 || i >= len(first) {
			return nil
		}
		at = append(at, i)
	}
	if !s.header && !s.more && len(first) != len(s.columns) {
		return nil
	}
	return at
}

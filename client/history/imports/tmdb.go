package imports

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// readTMDB reads the films of TMDB-5000, by number. A row that cannot be read is passed over; of a column that is no list of
// names nothing is taken.
func readTMDB(ctx context.Context, e entry) ([]Title, error) {
	p := part{entry: e, shape: shape{sep: ",", header: true,
		columns: []string{"id", "title", "release_date", "genres", "keywords", "overview"}}}
	films := map[int]Title{}
	_, err := p.each(ctx, func(r *row) error {
		if r.fields == nil {
			return nil
		}
		n, ok := number(r.column(0))
		title := plainText(r.column(1))
		if _, twice := films[n]; !ok || n == 0 || twice || title == "" || len(title) > maxTitle {
			return nil
		}
		if len(films) == maxMovies {
			return fmt.Errorf("%s holds more than %d titles: %w", e.name, maxMovies, ErrUnreadable)
		}
		t := Title{ID: "tmdb:movie:" + strconv.Itoa(n), Title: title, Genres: jsonNames(r.column(3)),
			Facts: Facts{Keywords: words(jsonNames(strings.ToLower(r.column(4))), maxKeywords), Plot: plot(r.column(5))}}
		if year, _, _ := strings.Cut(r.column(2), "-"); len(year) == 4 {
			if y, ok := number(year); ok && y >= 1850 {
				t.Year = y
			}
		}
		films[n] = t
		return nil
	})
	if err == nil && len(films) == 0 {
		err = fmt.Errorf("%s holds no film that can be read: %w", e.name, ErrUnreadable)
	}
	out := make([]Title, 0, len(films))
	for _, n := range sortedKeys(films) {
		out = append(out, films[n])
	}
	return slices.Clip(out), err
}

// jsonNames reads the names of a column such as [{"id": 28, "name": "Action"}].
func jsonNames(column string) []string {
	var list []struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(column), &list) != nil {
		return nil
	}
	var out []string
	for _, v := range list {
		if name := plainText(v.Name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

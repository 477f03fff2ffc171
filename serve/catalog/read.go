package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cinesync/cinesync/internal/strictjson"
)

// maxLine bounds a line before it is parsed: all fields at their longest, written with escapes, fit.
const maxLine = 192 << 10

// Read reads a catalogue of one JSON object a line:
//
//	{"id":"tmdb:movie:603","kind":"film","title":"The Matrix","year":1999,"genres":["Action","Sci-Fi"],"plot":"..."}
//
// and, where they are known, "directors", "writers", "cast" and "keywords", each a list of texts. id, kind and title must be there; an unknown field, a field twice, or an id twice is an error. Blank lines are passed over.
func Read(r io.Reader) (*Catalogue, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4<<10), maxLine)
	var titles []Title
	at := 0
	for lines.Scan() {
		at++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if len(titles) == MaxTitles {
			return nil, fmt.Errorf("read catalogue: line %d: more than %d titles", at, MaxTitles)
		}
		t, err := ParseTitle(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("read catalogue: line %d: %w", at, err)
		}
		titles = append(titles, t)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("read catalogue: line %d: longer than %d bytes", at+1, maxLine)
	} else if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	c, err := FromTitles(titles)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	return c, nil
}

// ParseTitle reads one line of a catalogue file and checks the title.
func ParseTitle(line []byte) (Title, error) {
	var t Title
	err := strictjson.Object(line, func(name string, value json.RawMessage) error {
		if bytes.Equal(value, []byte("null")) {
			return fmt.Errorf("field %q is null; leave it out instead", name)
		}
		var err error
		switch name {
		case "id":
			err = json.Unmarshal(value, &t.ID)
		case "kind":
			var kind string
			if err = json.Unmarshal(value, &kind); err == nil {
				t.Kind, err = ParseKind(kind)
			}
		case "title":
			err = json.Unmarshal(value, &t.Title)
		case "year":
			err = json.Unmarshal(value, &t.Year)
		case "genres":
			err = json.Unmarshal(value, &t.Genres)
		case "plot":
			err = json.Unmarshal(value, &t.Plot)
		case "directors":
			err = json.Unmarshal(value, &t.Directors)
		case "writers":
			err = json.Unmarshal(value, &t.Writers)
		case "cast":
			err = json.Unmarshal(value, &t.Cast)
		case "keywords":
			err = json.Unmarshal(value, &t.Keywords)
		default:
			return fmt.Errorf("field %.40q is unknown (id, kind, title, year, genres, plot, directors, writers, cast, keywords are known)", name)
		}
		if err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return Title{}, err
	}
	return t, t.Check()
}

// MarshalJSON writes a title as ParseTitle reads it.
func (t Title) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID     string   `json:"id"`
		Kind   string   `json:"kind"`
		Title  string   `json:"title"`
		Year   int      `json:"year,omitempty"`
		Genres []string `json:"genres,omitempty"`
		Plot   string   `json:"plot,omitempty"`

		Directors []string `json:"directors,omitempty"`
		Writers   []string `json:"writers,omitempty"`
		Cast      []string `json:"cast,omitempty"`
		Keywords  []string `json:"keywords,omitempty"`
	}{t.ID, t.Kind.String(), t.Title, t.Year, t.Genres, t.Plot, t.Directors, t.Writers, t.Cast, t.Keywords})
}

package imports

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Work is one film or show of a catalogue.
type Work struct {
	ID       string   `json:"id"`   // tmdb:movie:N, tmdb:tv:N, imdb:ttN, movielens:movie:N
	IMDb     string   `json:"imdb"` // ttN, or ""
	Type     string   `json:"type"` // movie or tv
	Title    string   `json:"title"`
	Year     int      `json:"year"` // 0 unknown
	Original string   `json:"original"`
	Aka      []string `json:"aka"`
}

// Catalogue is the works that rows are matched with. It is not safe for concurrent use.
type Catalogue struct {
	works     []Work
	titles    *titles
	byID      map[string]int
	byIMDb    map[string]int
	films     map[string][]named // by title key
	keys      map[int][]string   // the film keys of each year, for near matches; 0 holds all
	movieLens bool               // made from MovieLens files
}

// named says that a film has a name: its title, or another one.
type named struct {
	work  int
	title bool
}

// maxWorks bounds a catalogue.
const maxWorks = 2_000_000

// NewCatalogue indexes works.
func NewCatalogue(works []Work) (*Catalogue, error) {
	if len(works) > maxWorks {
		return nil, fmt.Errorf("catalogue: %d works, more than %d", len(works), maxWorks)
	}
	c := &Catalogue{works: works, titles: newTitles(), byID: make(map[string]int, len(works)), byIMDb: map[string]int{}, films: map[string][]named{}, keys: map[int][]string{}}
	for i, w := range works {
		if err := c.add(i, w); err != nil {
			return nil, fmt.Errorf("catalogue: work %d: %w", i+1, err)
		}
	}
	return c, nil
}

func (c *Catalogue) add(i int, w Work) error {
	if w.ID == "" || w.Title == "" {
		return errors.New("id or title is missing")
	}
	if _, twice := c.byID[w.ID]; twice {
		return fmt.Errorf("id %s stands there twice", w.ID)
	}
	c.byID[w.ID] = i
	if w.IMDb != "" {
		c.byIMDb[w.IMDb] = i
	}
	if strings.HasPrefix(w.ID, movieLensPrefix) {
		c.movieLens = true
	}
	if w.Type != "movie" {
		return nil
	}
	c.name(i, w.Title, true)
	for _, a := range append([]string{w.Original}, w.Aka...) {
		c.name(i, a, false)
	}
	return nil
}

// name adds a film's name to the index.
func (c *Catalogue) name(i int, s string, title bool) {
	key := c.titles.key(s)
	if key == "" {
		return
	}
	for _, n := range c.films[key] {
		if n.work == i {
			return
		}
	}
	c.films[key] = append(c.films[key], named{i, title})
	c.keys[0] = append(c.keys[0], key)
	if y := c.works[i].Year; y != 0 {
		c.keys[y] = append(c.keys[y], key)
	}
}

// ReadCatalogue reads one JSON object a line, with the fields of Work; other fields are passed over.
func ReadCatalogue(r io.Reader) (*Catalogue, error) {
	var works []Work
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for n := 1; lines.Scan(); n++ {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var w Work
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, fmt.Errorf("catalogue: line %d: %w", n, err)
		}
		if works = append(works, w); len(works) > maxWorks {
			break
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return NewCatalogue(works)
}

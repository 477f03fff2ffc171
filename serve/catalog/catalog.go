// Package catalog holds the titles that people can be recommended.
//
// Owns: what a title is, the list of genres, the reader of catalogue files, the built-in catalogue, the content features.
// Promises: a Catalogue never changes once made; its order is the order it was made from; ids are unique.
// Never: looks a title up over a network, knows who watched what.
// Start here: Title, then Builtin or Read.
//
// The built-in catalogue names its titles cinesync:film:<slug>-<year> and cinesync:series:<slug>-<year> throughout: facts
// that can be checked against the title itself, where numbers of other data bases could not be.
package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ErrUnknown says that no title of the catalogue has the id.
var ErrUnknown = errors.New("no such title in the catalogue")

// Catalogue is an unchanging list of titles with unique ids. It is safe for concurrent use.
type Catalogue struct {
	titles []Title
	byID   map[string]int
	keys   []string // what Search compares, by position
}

// FromTitles makes a catalogue of titles of any source, in their order. It checks each and refuses an id that comes twice.
func FromTitles(titles []Title) (*Catalogue, error) {
	if len(titles) > MaxTitles {
		return nil, fmt.Errorf("catalogue of %d titles: more than %d", len(titles), MaxTitles)
	}
	c := &Catalogue{titles: make([]Title, len(titles)), byID: make(map[string]int, len(titles)), keys: make([]string, len(titles))}
	for i, t := range titles {
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("title %d: %w", i+1, err)
		}
		if first, twice := c.byID[t.ID]; twice {
			return nil, fmt.Errorf("title %d: id %q already stands at title %d", i+1, t.ID, first+1)
		}
		t.Genres = slices.Clone(t.Genres)
		for _, list := range t.lists() {
			*list.names = slices.Clone(*list.names)
		}
		c.titles[i], c.byID[t.ID], c.keys[i] = t, i, fold(t.Title)
	}
	return c, nil
}

// Len is the number of titles.
func (c *Catalogue) Len() int { return len(c.titles) }

// At is the title at a position from 0 to Len-1.
func (c *Catalogue) At(i int) Title { return c.titles[i] }

// Titles is a copy of all titles, in order.
func (c *Catalogue) Titles() []Title { return slices.Clone(c.titles) }

// IDs lists the ids of all titles, in order: the item list of a new model.
func (c *Catalogue) IDs() []string {
	ids := make([]string, len(c.titles))
	for i, t := range c.titles {
		ids[i] = t.ID
	}
	return ids
}

// Get finds a title by id; the error is ErrUnknown.
func (c *Catalogue) Get(id string) (Title, error) {
	i, ok := c.byID[id]
	if !ok {
		return Title{}, fmt.Errorf("title %q: %w", id, ErrUnknown)
	}
	return c.titles[i], nil
}

// Search finds up to n titles whose name holds every word of the query, without regard to case and punctuation. Names that
// begin with the query come first; within each group the catalogue's order stays.
func (c *Catalogue) Search(query string, n int) []Title {
	if len(query) > MaxText {
		return nil
	}
	key := fold(query)
	words := strings.Fields(key)
	if len(words) == 0 {
		return nil
	}
	var first, rest []Title
	for i, k := range c.keys {
		switch {
		case strings.HasPrefix(k, key):
			first = append(first, c.titles[i])
		case hasAll(k, words):
			rest = append(rest, c.titles[i])
		}
	}
	found := append(first, rest...)
	return found[:min(n, len(found))]
}

func hasAll(key string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(key, w) {
			return false
		}
	}
	return true
}

// fold brings a name to lower-case words of letters and digits, with common accents taken off and apostrophes dropped.
func fold(s string) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ToLower(s) {
		switch r {
		case '\'', '’', '*':
			continue
		}
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		if plain, ok := accents[r]; ok {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// accents maps letters that people often type without their marks.
var accents = map[rune]string{
	'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'ä': "a", 'å': "a", 'ā': "a", 'æ': "ae", 'ç': "c", 'è': "e", 'é': "e", 'ê': "e", 'ë': "e",
	'ì': "i", 'í': "i", 'î': "i", 'ï': "i", 'ñ': "n", 'ò': "o", 'ó': "o", 'ô': "o", 'õ': "o", 'ö': "o", 'ø': "o", 'ō': "o", 'œ': "oe",
	'ß': "ss", 'ù': "u", 'ú': "u", 'û': "u", 'ü': "u", 'ū': "u", 'ý': "y", 'ÿ': "y", '½': " 1 2",
}

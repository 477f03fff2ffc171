package catalog

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a title and of a catalogue.
const (
	MaxTitles = 2_000_000 // titles of one catalogue
	MaxID     = 128       // bytes of an id
	MaxText   = 512       // bytes of a name
	MaxPlot   = 2048      // bytes of a plot
	MaxNames  = 48        // people of one role, and keywords, of a title
	MaxName   = 96        // bytes of each
	MinYear   = 1874      // no film is older
	MaxYear   = 2100
)

// Kind tells a film from a series. Its zero value is no kind.
type Kind uint8

// The kinds.
const (
	Film Kind = iota + 1
	Series
)

// String is the kind's word in files and answers.
func (k Kind) String() string {
	switch k {
	case Film:
		return "film"
	case Series:
		return "series"
	default:
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
}

// ParseKind reads "film" or "series".
func ParseKind(s string) (Kind, error) {
	switch s {
	case "film":
		return Film, nil
	case "series":
		return Series, nil
	}
	return 0, fmt.Errorf("kind %q: want film or series", s)
}

// Title is one film or series.
type Title struct {
	ID     string // source:kind:name, such as tmdb:movie:603; names kind again, so that film 1399 is not series 1399
	Kind   Kind
	Title  string
	Year   int      // of the first showing; 0 unknown
	Genres []string // of Genres, each once, at most MaxGenres
	Plot   string   // a sentence; may be empty
	// What else is publicly known: people by what they did, most important first, and keywords. Each list may be empty, has at
	// most MaxNames names, each once.
	Directors, Writers, Cast, Keywords []string
}

// Check says what is wrong with a title, naming the field.
func (t Title) Check() error {
	if err := CheckID(t.ID); err != nil {
		return err
	}
	if t.Kind != Film && t.Kind != Series {
		return fmt.Errorf("%s: kind %d: want film or series", t.ID, t.Kind)
	}
	if k, said := KindOf(t.ID); said && k != t.Kind {
		return fmt.Errorf("%s: kind is %s, the id says %s: correct one of them", t.ID, t.Kind, k)
	}
	if err := checkText("title", t.Title, MaxText); err != nil {
		return fmt.Errorf("%s: %w", t.ID, err)
	}
	if strings.TrimSpace(t.Title) == "" {
		return fmt.Errorf("%s: title is empty", t.ID)
	}
	if t.Year != 0 && (t.Year < MinYear || t.Year > MaxYear) {
		return fmt.Errorf("%s: year %d: want %d to %d, or 0 for unknown", t.ID, t.Year, MinYear, MaxYear)
	}
	if err := checkGenres(t.Genres); err != nil {
		return fmt.Errorf("%s: %w", t.ID, err)
	}
	if err := checkText("plot", t.Plot, MaxPlot); err != nil {
		return fmt.Errorf("%s: %w", t.ID, err)
	}
	for _, list := range t.lists() {
		if err := checkNames(list.field, *list.names); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	return nil
}

// nameList is one of a title's lists of names, under its name in files.
type nameList struct {
	field string
	names *[]string
}

func (t *Title) lists() []nameList {
	return []nameList{{"directors", &t.Directors}, {"writers", &t.Writers}, {"cast", &t.Cast}, {"keywords", &t.Keywords}}
}

func checkNames(field string, list []string) error {
	if len(list) > MaxNames {
		return fmt.Errorf("%s: %d of them, at most %d", field, len(list), MaxNames)
	}
	for i, name := range list {
		if err := checkText(field, name, MaxName); err != nil {
			return err
		}
		if strings.TrimSpace(name) == "" {
			return fmt.Errorf("%s: number %d is empty", field, i+1)
		}
		if slices.Contains(list[:i], name) {
			return fmt.Errorf("%s: %q stands there twice", field, name)
		}
	}
	return nil
}

// idKinds are the words for a kind that stand second in an id, by source or by ours.
var idKinds = map[string]Kind{"film": Film, "movie": Film, "series": Series, "tv": Series, "show": Series}

// KindOf is the kind that an id of the form source:kind:name says; false where it says none, as imdb:tt0944947 does.
func KindOf(id string) (Kind, bool) {
	parts := strings.SplitN(id, ":", 3)
	if len(parts) < 3 {
		return 0, false
	}
	k, ok := idKinds[parts[1]]
	return k, ok
}

// wholeIDs are the sources whose numbers name one title whatever its kind, so that source:name is an id.
var wholeIDs = []string{"imdb"}

// CheckID says whether an id has the form source:kind:name, of letters, digits and "-._", which may stand in a path as it is. The kind
// may be missing only where the source counts films and series together, as IMDb does: elsewhere film 1399 would be series 1399.
func CheckID(id string) error {
	if len(id) == 0 || len(id) > MaxID {
		return fmt.Errorf("id %.40q: %d bytes long, want 1 to %d", id, len(id), MaxID)
	}
	parts := 1
	for i, r := range id {
		switch {
		case r == ':' && i > 0 && i < len(id)-1:
			parts++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._", r):
		default:
			return fmt.Errorf("id %.40q: character %q at byte %d is not allowed", id, r, i)
		}
	}
	source, _, _ := strings.Cut(id, ":")
	if parts < 2 || parts < 3 && !slices.Contains(wholeIDs, source) {
		return fmt.Errorf("id %.40q: want source:kind:name, such as tmdb:movie:603", id)
	}
	return nil
}

// checkText refuses text that is too long, is not UTF-8 or holds control characters.
func checkText(field, s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%s of %d bytes: more than %d", field, len(s), limit)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s is not UTF-8", field)
	}
	for i, r := range s {
		if unicode.IsControl(r) {
			return fmt.Errorf("%s has the control character %q at byte %d", field, r, i)
		}
	}
	return nil
}

package imports

import (
	"cmp"
	"slices"

	"github.com/cinesync/cinesync/client/history"
)

// Report says where every row went: Rows = Made + Merged + Duplicates + all Ignored + len(Ambiguous) + len(Unmatched).
// Its JSON form is that of the design, imports 1.
type Report struct {
	Source     string          `json:"source"`
	Files      []File          `json:"files"`
	Dates      string          `json:"dates,omitempty"`
	Rows       int             `json:"rows"`
	Made       int             `json:"made"`
	Merged     int             `json:"merged"`
	Duplicates int             `json:"duplicates"`
	Ignored    map[string]int  `json:"ignored"`
	Ambiguous  []Ambiguous     `json:"ambiguous"`
	Unmatched  []Unmatched     `json:"unmatched"`
	Events     []history.Event `json:"events"`
}

// File is one file that was found. Rows is nil for files that hold no data rows.
type File struct {
	Name string `json:"name"`
	Rows *int   `json:"rows,omitempty"`
	Used bool   `json:"used"`
}

// Ambiguous is a row that fits several works, or one only nearly.
type Ambiguous struct {
	File       string   `json:"file"`
	Row        int      `json:"row"`
	Title      string   `json:"title,omitempty"`
	Year       int      `json:"year,omitempty"`
	Candidates []string `json:"candidates"`
	Why        string   `json:"why"`
}

// Unmatched is a row that fits no work, or cannot be read.
type Unmatched struct {
	File  string `json:"file"`
	Row   int    `json:"row"`
	Title string `json:"title,omitempty"`
	Year  int    `json:"year,omitempty"`
	Why   string `json:"why"`
}

// Reasons in a report.
const (
	otherUser = "other-user"
	empty     = "empty"

	severalTitles = "several-titles"
	wrongYear     = "year"
	fuzzyMatch    = "fuzzy"

	unknownTitle = "unknown-title"
	badRow       = "bad-row"
	badDate      = "bad-date"
)

// With is the report after a store took the import: the counts and events are the store's.
func (r Report) With(o history.Outcome) Report {
	r.Made, r.Merged, r.Duplicates = o.Made, o.Merged, o.Duplicates
	r.Events = slices.Clone(o.Events)
	if r.Events == nil {
		r.Events = []history.Event{}
	}
	slices.SortStableFunc(r.Events, func(a, b history.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
	})
	return r
}

// NeedsPerson tells whether a person must decide about some rows.
func (r Report) NeedsPerson() bool { return len(r.Ambiguous) > 0 }

// Placed is how many rows the report accounts for; it equals Rows.
func (r Report) Placed() int {
	n := r.Made + r.Merged + r.Duplicates + len(r.Ambiguous) + len(r.Unmatched)
	for _, k := range r.Ignored {
		n += k
	}
	return n
}

package imports

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client/history"
)

func TestRowsWithoutAPlaceAreNamed(t *testing.T) {
	r := Report{Rows: 6, Ignored: map[string]int{otherUser: 2},
		Ambiguous: []Ambiguous{{File: "a.csv", Row: 2, Title: "Twins", Year: 1988, Candidates: []string{"tmdb:movie:1", "tmdb:movie:2"}, Why: severalTitles}},
		Unmatched: []Unmatched{{File: "a.csv", Row: 3, Title: "No\x1b[2JFilm", Why: unknownTitle}, {File: "b.csv", Row: 1, Why: badRow}, {File: "b.csv", Row: 9, Why: badDate}}}
	all := []string{
		`a.csv row 2: "Twins" (1988) may be tmdb:movie:1 or tmdb:movie:2 (several-titles)`,
		`a.csv row 3: "No\x1b[2JFilm" is not in the catalogue (unknown-title)`,
		`b.csv row 1: cannot be read, or its film is not among the titles (bad-row)`,
		`b.csv row 9: its time cannot be read (bad-date)`,
	}
	for n := range 6 {
		if d := cmp.Diff(all[:min(n, len(all))], append([]string{}, r.Unplaced(n)...)); d != "" {
			t.Errorf("the first %d (-want +got):\n%s", n, d)
		}
	}
	if r.Unreadable() != 2 || r.Waiting() != 2 || r.Useless() {
		t.Errorf("%d unreadable, %d waiting, useless %v", r.Unreadable(), r.Waiting(), r.Useless())
	}
}

func TestImportIsUselessWhenNoRowOfThePersonCanBeRead(t *testing.T) {
	bad := Unmatched{Why: badRow}
	for name, c := range map[string]struct {
		r    Report
		want bool
	}{
		"nothing there":            {Report{}, false},
		"one bad row":              {Report{Rows: 1, Unmatched: []Unmatched{bad}}, true},
		"a bad row and a bad date": {Report{Rows: 2, Unmatched: []Unmatched{bad, {Why: badDate}}}, true},
		"others' rows beside it":   {Report{Rows: 3, Unmatched: []Unmatched{bad}, Ignored: map[string]int{otherUser: 2}}, true},
		"others' rows alone":       {Report{Rows: 2, Ignored: map[string]int{otherUser: 2}}, false},
		"one good row":             {Report{Rows: 2, Made: 1, Unmatched: []Unmatched{bad}}, false},
		"an empty tag":             {Report{Rows: 2, Ignored: map[string]int{empty: 1}, Unmatched: []Unmatched{bad}}, false},
		"a row that waits":         {Report{Rows: 2, Unmatched: []Unmatched{bad, {Why: unknownTitle}}}, false},
	} {
		if got := c.r.Useless(); got != c.want {
			t.Errorf("%s: useless is %v", name, got)
		}
	}
}

// TestRowThatWaitsIsPlacedWithANewerCatalogue is what its owner is told to do.
func TestRowThatWaitsIsPlacedWithANewerCatalogue(t *testing.T) {
	dir := folder(t, map[string]string{"movies.csv": moviesText, "ratings.csv": ratingsHeader + "7,3,4.0,964982703\n"})
	store, err := history.Create(filepath.Join(t.TempDir(), "history.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, c := range []struct {
		catalogue     string
		made, waiting int
	}{
		{`{"id":"tmdb:movie:862","type":"movie","title":"Toy Story","year":1995}`, 0, 1},
		{`{"id":"tmdb:movie:949","type":"movie","title":"Heat","year":1995}`, 1, 0},
	} {
		catalogue, err := ReadCatalogue(strings.NewReader(c.catalogue + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := Read(t.Context(), dir, Options{Catalogue: catalogue})
		if err != nil {
			t.Fatal(err)
		}
		out, err := store.Apply(t.Context(), res.Import)
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := store.Waiting(t.Context())
		if r := res.Report.With(out); err != nil || r.Made != c.made || r.Waiting() != c.waiting || waiting != c.waiting {
			t.Errorf("%d made, %d said to wait, %d wait, %v; want %d and %d", r.Made, r.Waiting(), waiting, err, c.made, c.waiting)
		}
	}
}

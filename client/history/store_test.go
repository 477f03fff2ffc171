package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Create(filepath.Join(t.TempDir(), "history.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// ratings is an import of n films, rated a second apart.
func ratings(source string, from, n int) Import {
	imp := Import{Source: source, At: 1_700_000_000, Files: []string{"ratings.csv"}}
	for i := from; i < from+n; i++ {
		e := Event{Kind: Rating, ID: fmt.Sprintf("tmdb:movie:%d", i), At: Instant(int64(1_000_000_000 + i)), Value: 8}
		imp.Rows = append(imp.Rows, Row{File: "ratings.csv", Row: i + 1, Hash: RowHash(source, fmt.Sprint(i)), Event: e})
		imp.Titles = append(imp.Titles, Title{ID: e.ID, Title: fmt.Sprintf("Film %d", i), Year: 1990})
	}
	return imp
}

func apply(t *testing.T, s *Store, imp Import) Outcome {
	t.Helper()
	out, err := s.Apply(t.Context(), imp)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func counts(o Outcome) [3]int { return [3]int{o.Made, o.Merged, o.Duplicates} }

func TestApplyTwice(t *testing.T) {
	s := open(t)
	if got := counts(apply(t, s, ratings("movielens", 0, 10))); got != [3]int{10, 0, 0} {
		t.Errorf("first import: made, merged, duplicates are %v", got)
	}
	if got := counts(apply(t, s, ratings("movielens", 0, 10))); got != [3]int{0, 0, 10} {
		t.Errorf("second import: made, merged, duplicates are %v", got)
	}
	if got := counts(apply(t, s, ratings("movielens", 0, 12))); got != [3]int{2, 0, 10} {
		t.Errorf("longer export: made, merged, duplicates are %v", got)
	}
	if n, err := s.Count(t.Context()); n != 12 || err != nil {
		t.Errorf("count is %d, %v; want 12", n, err)
	}
	titles, err := s.Titles(t.Context())
	if err != nil || len(titles) != 12 || titles["tmdb:movie:3"] != "Film 3" {
		t.Errorf("titles are %d, %q, %v", len(titles), titles["tmdb:movie:3"], err)
	}
}

func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.sqlite")
	s, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new history: mode %o, %v", info.Mode().Perm(), err)
	}
	if err := errors.Join(s.Close(), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	apply(t, s, ratings("movielens", 0, 3))
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("files are %v, %v; want the history, its write-ahead log and the log's index", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(f), info.Mode().Perm())
		}
	}
}

func TestPragmas(t *testing.T) {
	s := open(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "10000"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with ? # % and ü", "history.sqlite")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	truth := true
	season, episode := 0, 3
	want := []Event{
		{Kind: Play, ID: "tmdb:tv:1396", Season: &season, Episode: &episode, EpisodeTitle: "x", At: "2024-09-14", Value: 7.5, Count: 2, Seconds: 99, Complete: &truth, Rewatch: true, Tags: []string{"a", "b,c"}},
		{Kind: Tag, ID: "imdb:tt0105946", Text: "\"cool\"", Known: new(bool), Title: "Babylon 5"},
	}
	s, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := apply(t, s, Import{Source: "test", Rows: []Row{{Event: want[0]}, {Event: want[1]}}})
	if d := cmp.Diff(want, out.Events); d != "" {
		t.Errorf("outcome differs (-want +got):\n%s", d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events differ (-want +got):\n%s", d)
	}
}

func TestWatches(t *testing.T) {
	s := open(t)
	var rows []Row
	for _, e := range []Event{
		{Kind: Rating, ID: "tmdb:movie:2", At: "2000-01-02T00:00:10Z", Value: 1},
		{Kind: Rating, ID: "tmdb:movie:1", At: "2000-01-02T00:00:10Z", Value: 10}, // same second: stays behind
		{Kind: Play, ID: "tmdb:movie:3", At: "2000-01-01"},
		{Kind: Play, ID: "tmdb:movie:3", At: "1999-12-31"}, // the first time counts
		{Kind: Seen, ID: "tmdb:movie:4"},
		{Kind: Dislike, ID: "tmdb:movie:5"},
		{Kind: Review, ID: "tmdb:movie:4", At: "1998-01-01T00:00:00Z", Text: "good"}, // a known time beats none
		{Kind: Watchlist, ID: "tmdb:movie:6", At: "1990-01-01"},
		{Kind: Tag, ID: "tmdb:movie:7", Text: "noir"},
		{Kind: List, ID: "tmdb:movie:8", Text: "mine"},
	} {
		rows = append(rows, Row{Event: e})
	}
	apply(t, s, Import{Source: "test", Rows: rows})
	got, err := s.Watches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Watch{{Item: "tmdb:movie:5", At: 0}, {Item: "tmdb:movie:4", At: 883612800}, {Item: "tmdb:movie:3", At: 946641600}, {Item: "tmdb:movie:2", At: 946771210}, {Item: "tmdb:movie:1", At: 946771210}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("watches differ (-want +got):\n%s", d)
	}
}

func TestPending(t *testing.T) {
	s := open(t)
	p := Pending{File: "ratings.csv", Row: 2, Hash: RowHash("movielens", "2"), Title: "Pinocchio", Why: "several-titles", Candidates: []string{"a:1", "b:2"}, Event: Event{Kind: Rating, Value: 8}}
	apply(t, s, Import{Source: "movielens", Pending: []Pending{p}})
	apply(t, s, Import{Source: "movielens", Pending: []Pending{p}})
	if n, err := s.Waiting(t.Context()); n != 1 || err != nil {
		t.Errorf("%d rows wait, %v; want 1", n, err)
	}
	placed := p.Event
	placed.ID = "tmdb:movie:1"
	apply(t, s, Import{Source: "movielens", Rows: []Row{{File: p.File, Row: p.Row, Hash: p.Hash, Event: placed}}})
	if n, err := s.Waiting(t.Context()); n != 0 || err != nil {
		t.Errorf("%d rows wait, %v, after the row found its film; want 0", n, err)
	}
	apply(t, s, Import{Source: "movielens", Pending: []Pending{p}})
	if n, err := s.Waiting(t.Context()); n != 0 || err != nil {
		t.Errorf("%d rows wait, %v, after a poorer import of the same row; want 0", n, err)
	}
}

func TestBadEventsChangeNothing(t *testing.T) {
	good := Event{Kind: Rating, ID: "tmdb:movie:1", At: "2000-01-01", Value: 8}
	for name, change := range map[string]func(*Event){
		"kind is":        func(e *Event) { e.Kind = "watched" },
		"id of":          func(e *Event) { e.ID = "603" },
		"time of":        func(e *Event) { e.At = "yesterday" },
		"value of":       func(e *Event) { e.Value = 11 },
		"has no value":   func(e *Event) { e.Value = 0 },
		"texts of":       func(e *Event) { e.Text = strings.Repeat("x", maxText+1) },
		"want 0.5 to 10": func(e *Event) { e.Value = -1 },
	} {
		s := open(t)
		bad := good
		change(&bad)
		_, err := s.Apply(t.Context(), Import{Source: "test", Rows: []Row{{Event: good}, {File: "f", Row: 2, Event: bad}}})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "f row 2") {
			t.Errorf("error is %v, want one about %q that names the row", err, name)
		}
		if n, err := s.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: %d events were left, %v", name, n, err)
		}
	}
}

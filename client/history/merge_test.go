package history

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestIdentity says for each kind which differences make another event.
func TestIdentity(t *testing.T) {
	one, two := 1, 2
	base := Event{ID: "tmdb:tv:1", Season: &one, Episode: &one, EpisodeTitle: "a", At: "2000-01-01", Text: "t"}
	variants := map[string]func(*Event){
		"id":      func(e *Event) { e.ID = "tmdb:tv:2" },
		"season":  func(e *Event) { e.Season = &two },
		"episode": func(e *Event) { e.Episode = nil },
		"title":   func(e *Event) { e.EpisodeTitle = "b" },
		"at":      func(e *Event) { e.At = "2000-01-01T10:00:00Z" },
		"text":    func(e *Event) { e.Text = "u" },
		"value":   func(e *Event) { e.Value = 3 },
	}
	dated := map[string]bool{"id": true, "season": true, "episode": true, "title": true, "at": true}
	want := map[Kind]map[string]bool{
		Play: dated, Rating: dated,
		Review: {"id": true, "season": true, "episode": true, "title": true, "at": true, "text": true},
		Tag:    {"id": true, "text": true}, List: {"id": true, "text": true},
	}
	for _, k := range []Kind{Watchlist, Like, Dislike, Dropped, Seen} {
		want[k] = map[string]bool{"id": true, "season": true, "episode": true}
	}
	for kind, differs := range want {
		base.Kind = kind
		for name, change := range variants {
			other := base
			change(&other)
			if got := base.identity() != other.identity(); got != differs[name] {
				t.Errorf("%s: another %s makes another event: %v, want %v", kind, name, got, differs[name])
			}
		}
	}
}

func TestPlaysOfTwoSources(t *testing.T) {
	s := open(t)
	play := func(source, at string) [3]int {
		return counts(apply(t, s, Import{Source: source, Rows: []Row{{Event: Event{Kind: Play, ID: "tmdb:movie:1", At: at}}}}))
	}
	for i, step := range []struct {
		source, at string
		want       [3]int
	}{
		{"netflix-simple", "2024-09-14", [3]int{1, 0, 0}},
		{"trakt", "2024-09-14T20:00:00Z", [3]int{0, 1, 0}},        // the same play, told more exactly
		{"trakt", "2024-09-14T20:00:00Z", [3]int{0, 0, 1}},        // again
		{"netflix-simple", "2024-09-14", [3]int{0, 0, 1}},         // known by its row, though the play has an hour now
		{"trakt", "2024-09-14T23:00:00Z", [3]int{1, 0, 0}},        // a second play that evening, by the same source
		{"letterboxd", "2024-09-15", [3]int{1, 0, 0}},             // another day
		{"jellyfin-api", "2024-09-15T09:00:00Z", [3]int{0, 1, 0}}, // that day, more exactly
	} {
		if got := play(step.source, step.at); got != step.want {
			t.Errorf("step %d, %s %s: made, merged, duplicates are %v, want %v", i, step.source, step.at, got, step.want)
		}
	}
	events, err := s.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var at []string
	for _, e := range events {
		at = append(at, e.At)
	}
	if d := cmp.Diff([]string{"2024-09-14T20:00:00Z", "2024-09-14T23:00:00Z", "2024-09-15T09:00:00Z"}, at); d != "" {
		t.Errorf("plays differ (-want +got):\n%s", d)
	}
}

// TestBetterID: rows that were read without a catalogue find their films when they are read again with one.
func TestBetterID(t *testing.T) {
	s := open(t)
	row := func(hash, id string, known *bool) Row {
		return Row{Hash: RowHash("movielens", hash), Event: Event{Kind: Rating, ID: id, At: "2000-01-01T00:00:00Z", Value: 8, Known: known}}
	}
	unknown := false
	read := func(rows ...Row) [3]int { return counts(apply(t, s, Import{Source: "movielens", Rows: rows})) }
	if got := read(row("a", "movielens:movie:1", nil), row("b", "imdb:tt0000001", &unknown)); got != [3]int{2, 0, 0} {
		t.Fatalf("made, merged, duplicates are %v", got)
	}
	if got := read(row("a", "tmdb:movie:7", nil), row("b", "tmdb:movie:8", nil)); got != [3]int{0, 2, 0} {
		t.Errorf("with better ids: made, merged, duplicates are %v", got)
	}
	if got := read(row("a", "movielens:movie:1", nil), row("b", "imdb:tt0000001", &unknown)); got != [3]int{0, 0, 2} {
		t.Errorf("with the old ids again: made, merged, duplicates are %v", got)
	}
	// Two rows that turn out to tell one event become one.
	if got := read(row("c", "movielens:movie:3", nil)); got != [3]int{1, 0, 0} {
		t.Errorf("made, merged, duplicates are %v", got)
	}
	if got := read(row("c", "tmdb:movie:8", nil)); got != [3]int{0, 1, 0} {
		t.Errorf("folding: made, merged, duplicates are %v", got)
	}
	w, err := s.Watches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Watch{{Item: "tmdb:movie:7", At: 946684800}, {Item: "tmdb:movie:8", At: 946684800}}, w); d != "" {
		t.Errorf("watches differ (-want +got):\n%s", d)
	}
}

// TestApplyEqualsDistinct: on an empty history the store does what the pure rule says, and a second import makes nothing.
func TestApplyEqualsDistinct(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var rows []Row
		for i := range rapid.IntRange(0, 30).Draw(rt, "rows") {
			e := Event{ID: fmt.Sprintf("tmdb:movie:%d", rapid.IntRange(1, 4).Draw(rt, "film")), Value: 5}
			e.Kind = rapid.SampledFrom([]Kind{Play, Seen, Rating, Tag, Review}).Draw(rt, "kind")
			e.At = rapid.SampledFrom([]string{"", "2000-01-01", "2000-01-01T10:00:00Z", "2000-01-02"}).Draw(rt, "at")
			e.Text = rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "text")
			e.Seconds = rapid.IntRange(0, 2).Draw(rt, "seconds")
			rows = append(rows, Row{File: "f", Row: i, Hash: RowHash("test", fmt.Sprint(e)), Event: e})
		}
		s, err := Create(t.TempDir() + "/h.sqlite")
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		imp := Import{Source: "test", Rows: rows}
		got, err := s.Apply(t.Context(), imp)
		if err != nil {
			rt.Fatal(err)
		}
		if want := Distinct(rows); counts(got) != counts(want) {
			rt.Fatalf("made, merged, duplicates are %v, want %v", counts(got), counts(want))
		}
		again, err := s.Apply(t.Context(), imp)
		if err != nil {
			rt.Fatal(err)
		}
		if again.Made != 0 || again.Made+again.Merged+again.Duplicates != len(rows) {
			rt.Fatalf("a second import: made, merged, duplicates are %v of %d rows", counts(again), len(rows))
		}
	})
}

package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExamples(t *testing.T) {
	l := Layout{Items: []string{"tmdb:movie:1", "tmdb:movie:2", "tmdb:movie:3"}}
	for _, c := range []struct {
		name    string
		watches []Watch
		want    []Example
		unknown int
	}{
		{"nothing", nil, nil, 0},
		{"oldest first", []Watch{{"tmdb:movie:3", 30}, {"tmdb:movie:1", 10}, {"tmdb:movie:2", 20}}, []Example{{0, 10}, {1, 20}, {2, 30}}, 0},
		{"unknown time first", []Watch{{"tmdb:movie:1", 10}, {"tmdb:movie:2", 0}}, []Example{{1, 0}, {0, 10}}, 0},
		{"equal times as given", []Watch{{"tmdb:movie:2", 5}, {"tmdb:movie:1", 5}}, []Example{{1, 5}, {0, 5}}, 0},
		{"the first watch counts", []Watch{{"tmdb:movie:1", 9}, {"tmdb:movie:2", 5}, {"tmdb:movie:1", 1}}, []Example{{0, 1}, {1, 5}}, 0},
		{"unknown titles, each once", []Watch{{"tmdb:tv:7", 1}, {"tmdb:movie:1", 2}, {"tmdb:tv:7", 3}, {"imdb:tt1", 4}}, []Example{{0, 2}}, 2},
	} {
		given := append([]Watch(nil), c.watches...)
		got, unknown := l.Examples(c.watches)
		if diff := cmp.Diff(c.want, got); diff != "" || unknown != c.unknown {
			t.Errorf("%s: %d unknown, want %d; examples:\n%s", c.name, unknown, c.unknown, diff)
		}
		if diff := cmp.Diff(given, append([]Watch(nil), c.watches...)); diff != "" {
			t.Errorf("%s: the given watches changed:\n%s", c.name, diff)
		}
	}
}

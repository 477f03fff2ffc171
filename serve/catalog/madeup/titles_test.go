package madeup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/serve/catalog"
)

func TestTitlesAreACatalogueOfBothKinds(t *testing.T) {
	list, err := Titles(60, 40, 3)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.FromTitles(list)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[catalog.Kind]int{}
	for _, title := range list {
		kinds[title.Kind]++
	}
	if kinds[catalog.Film] != 60 || kinds[catalog.Series] != 40 {
		t.Errorf("%v, want 60 films and 40 series", kinds)
	}
	film, filmErr := c.Get("madeup:film:7")
	series, seriesErr := c.Get("madeup:series:7")
	if filmErr != nil || seriesErr != nil || film.Kind != catalog.Film || series.Kind != catalog.Series {
		t.Errorf("number 7: %v, %v, kinds %s and %s", filmErr, seriesErr, film.Kind, series.Kind)
	}
}

func TestTitlesComeFromTheSeed(t *testing.T) {
	a, _ := Titles(30, 20, 1)
	b, _ := Titles(30, 25, 1)
	if diff := cmp.Diff(a, b[:50]); diff != "" {
		t.Errorf("more series change the others:\n%s", diff)
	}
	if c, _ := Titles(30, 20, 2); cmp.Equal(a, c) {
		t.Error("seeds 1 and 2 give the same titles")
	}
}

// TestFactsLinkTheKinds counts, for each theme's own words, that films and series both use them: what a model carries from films to series
// has to be there.
func TestFactsLinkTheKinds(t *testing.T) {
	list, err := Titles(600, 400, 1)
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]*[3]int{}
	for _, title := range list {
		for _, w := range title.Keywords {
			if strings.ContainsAny(w, "0123456789") && w[5] >= 'a' { // word-a7
				if uses[w] == nil {
					uses[w] = new([3]int)
				}
				uses[w][title.Kind]++
			}
		}
	}
	both := 0
	for _, n := range uses {
		if n[catalog.Film] > 0 && n[catalog.Series] > 0 {
			both++
		}
	}
	if len(uses) < themes*themeWords*9/10 || both < len(uses)*9/10 {
		t.Errorf("%d words of themes, %d of them used by both kinds", len(uses), both)
	}
}

func TestTitlesRefuses(t *testing.T) {
	for _, n := range [][2]int{{0, 1}, {1, 0}, {-1, 1}, {MaxTitles + 1, 1}, {1, MaxTitles + 1}} {
		if _, err := Titles(n[0], n[1], 1); err == nil {
			t.Errorf("%v: no error", n)
		}
	}
}

package madeup

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cinesync/cinesync/serve/catalog"
)

// MaxTitles of one kind.
const MaxTitles = 100_000

// Sizes and chances of the generator.
const (
	themes      = 24
	themeWords  = 12  // keywords of a theme's own
	otherWords  = 200 // keywords of no theme
	themePeople = 30
	otherPeople = 400
	loyal       = 0.7 // chance that a keyword, or somebody, is of the theme
	spread      = 8   // years, standard deviation around the theme's time
	oldest      = 1930
	newest      = 2024
)

// theme is what its titles have in common.
type theme struct {
	number int
	genres [2]string
	year   float64
}

// Titles gives films and then series: madeup:film:1, madeup:film:2, …, madeup:series:1, … . It wants 1 to MaxTitles of each.
func Titles(films, series int, seed uint64) ([]catalog.Title, error) {
	if films < 1 || series < 1 || films > MaxTitles || series > MaxTitles {
		return nil, fmt.Errorf("make up %d films and %d series: want 1 to %d of each", films, series, MaxTitles)
	}
	all := make([]theme, themes)
	rng := rand.New(rand.NewPCG(seed, 1<<32))
	genres := catalog.Genres()
	for i := range all {
		two := rng.Perm(len(genres))[:2]
		all[i] = theme{number: i, genres: [2]string{genres[two[0]], genres[two[1]]}, year: oldest + rng.Float64()*(newest-oldest)}
	}
	out := make([]catalog.Title, 0, films+series)
	for _, kind := range []struct {
		kind  catalog.Kind
		count int
	}{{catalog.Film, films}, {catalog.Series, series}} {
		rng := rand.New(rand.NewPCG(seed, uint64(kind.kind)))
		for n := range kind.count {
			out = append(out, all[rng.IntN(len(all))].title(kind.kind, n+1, rng))
		}
	}
	return out, nil
}

// title draws one title of a theme.
func (t theme) title(kind catalog.Kind, n int, rng *rand.Rand) catalog.Title {
	out := catalog.Title{ID: fmt.Sprintf("madeup:%s:%d", kind, n), Kind: kind, Title: fmt.Sprintf("Made-up %s %d", kind, n),
		Year: int(min(max(t.year+spread*rng.NormFloat64(), oldest), newest))}
	for _, g := range t.genres {
		if rng.Float64() < loyal {
			out.Genres = append(out.Genres, g)
		}
	}
	if list := catalog.Genres(); len(out.Genres) == 0 || rng.Float64() >= loyal {
		if g := list[rng.IntN(len(list))]; !slices.Contains(out.Genres, g) {
			out.Genres = append(out.Genres, g)
		}
	}
	out.Keywords = t.draw(6, "word", themeWords, otherWords, rng)
	out.Directors = t.draw(1, "person", themePeople, otherPeople, rng)
	out.Cast = t.draw(4, "person", themePeople, otherPeople, rng)
	return out
}

// draw draws names, each once, most of them the theme's own.
func (t theme) draw(n int, what string, own, others int, rng *rand.Rand) []string {
	var out []string
	for len(out) < n {
		name := fmt.Sprintf("%s-%d", what, rng.IntN(others))
		if rng.Float64() < loyal {
			name = fmt.Sprintf("%s-%c%d", what, 'a'+rune(t.number), rng.IntN(own))
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

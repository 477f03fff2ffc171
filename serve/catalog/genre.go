package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// MaxGenres is the most genres a title may name.
const MaxGenres = 20

// genres is the fixed list, in the order of the feature columns. Appending is safe; anything else changes every content start.
var genres = []string{
	"Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy", "Film-Noir",
	"History", "Horror", "Music", "Mystery", "Romance", "Sci-Fi", "Sport", "Thriller", "War", "Western",
}

// aliases maps what other catalogues say (lower case) to our genres.
var aliases = map[string]string{
	"children": "Family", "children's": "Family", "kids": "Family", "musical": "Music", "science fiction": "Sci-Fi", "sf": "Sci-Fi",
	"sport & fitness": "Sport", "sports": "Sport", "historical": "History", "film noir": "Film-Noir", "noir": "Film-Noir",
	"action & adventure": "Action", "sci-fi & fantasy": "Sci-Fi", "war & politics": "War",
}

// Genres lists the genres a title may have.
func Genres() []string { return slices.Clone(genres) }

// Genre finds the genre that another catalogue's name stands for: MovieLens says Children's, TMDB Science Fiction. It reports
// false for a name without one, such as IMAX.
func Genre(name string) (string, bool) {
	for _, g := range genres {
		if strings.EqualFold(g, name) {
			return g, true
		}
	}
	g, ok := aliases[strings.ToLower(name)]
	return g, ok
}

// GenreSet maps other catalogues' names with Genre, drops those without one, and sorts what is left, each once.
func GenreSet(names []string) []string {
	var out []string
	for _, n := range names {
		if g, ok := Genre(n); ok && !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return out
}

func checkGenres(list []string) error {
	if len(list) > MaxGenres {
		return fmt.Errorf("%d genres: more than %d", len(list), MaxGenres)
	}
	for i, g := range list {
		if !slices.Contains(genres, g) {
			return fmt.Errorf("genre %.40q is not in the list (%s)", g, strings.Join(genres, ", "))
		}
		if slices.Contains(list[:i], g) {
			return fmt.Errorf("genre %q stands there twice", g)
		}
	}
	return nil
}

package imports

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTitleKey(t *testing.T) {
	ti := newTitles()
	for _, same := range [][]string{
		{"WALL·E", "WALL-E", "wall e"},
		{"Les Misérables", "les miserables", "LES MISE\u0301RABLES"},
		{"Paris, Texas", "Paris Texas"},
		{"Matrix, The", "The Matrix", "matrix", "MATRIX, the"},
		{"Love, Death & Robots", "Love, Death and Robots", "Love Death&Robots"},
		{"Who's Afraid?", "Who’s Afraid", "Whos afraid"},
		{"Beautiful Mind, A", "A Beautiful Mind"},
		{"Straße", "strasse"},
		{"ﬁlm ２００１", "film 2001"},
	} {
		for _, s := range same {
			if got, want := ti.key(s), ti.key(same[0]); got != want || got == "" {
				t.Errorf("key of %q is %q, and of %q %q", s, got, same[0], want)
			}
		}
	}
	for s, want := range map[string]string{
		"The": "the", "A": "a", "The The": "the", "": "", "...": "", "千と千尋の神隠し": "千と千尋の神隠し", "Kill Bill: Vol. 1": "kill bill vol 1",
	} {
		if got := ti.key(s); got != want {
			t.Errorf("key of %q is %q, want %q", s, got, want)
		}
	}
}

func TestParseTitle(t *testing.T) {
	ti := newTitles()
	for raw, want := range map[string]name{
		"Toy Story (1995)":                             {"Toy Story", 1995, []string{"Toy Story"}},
		"Postman, The (Postino, Il) (1994)":            {"The Postman", 1994, []string{"The Postman", "Il Postino", "Postman, The (Postino, Il)"}},
		"Misérables, Les (1998)":                       {"Les Misérables", 1998, []string{"Les Misérables"}},
		"Seven (a.k.a. Se7en) (1995)":                  {"Seven", 1995, []string{"Seven", "Se7en", "Seven (a.k.a. Se7en)"}},
		"Avventura, L' (a.k.a. Adventure, The) (1960)": {"L'Avventura", 1960, []string{"L'Avventura", "The Adventure", "Avventura, L' (a.k.a. Adventure, The)"}},
		"(500) Days of Summer (2009)":                  {"(500) Days of Summer", 2009, []string{"(500) Days of Summer"}},
		"Babylon 5":                                    {"Babylon 5", 0, []string{"Babylon 5"}},
		"Death Note (2006–2007)":                       {"Death Note", 2006, []string{"Death Note"}},
		"Fawlty Towers (1975- )":                       {"Fawlty Towers", 1975, []string{"Fawlty Towers"}},
		"2012 (2009)":                                  {"2012", 2009, []string{"2012"}},
		"(2012)":                                       {"(2012)", 0, []string{"(2012)"}},
		"Room 1408 (0042)":                             {"Room 1408", 0, []string{"Room 1408", "0042", "Room 1408 (0042)"}},
		"Me, Myself & Irene (2000)":                    {"Me, Myself & Irene", 2000, []string{"Me, Myself & Irene"}},
		"City, The (A) (B) (2000)":                     {"The City", 2000, []string{"The City", "A", "B", "City, The (A) (B)"}},
	} {
		if d := cmp.Diff(want, ti.parse(raw), cmp.AllowUnexported(name{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", raw, d)
		}
	}
}

func TestMatchFilm(t *testing.T) {
	c := readCatalogue(t, "testdata/catalogue/catalogue.jsonl")
	ti := newTitles()
	for raw, want := range map[string]match{
		"Dune (2021)":                       {id: "tmdb:movie:438631"},
		"Dune (1985)":                       {id: "tmdb:movie:841"}, // a year off
		"Dune (2000)":                       {why: wrongYear, candidates: []string{"tmdb:movie:438631", "tmdb:movie:841"}},
		"Dune":                              {why: severalTitles, candidates: []string{"tmdb:movie:438631", "tmdb:movie:841"}},
		"Pinocchio (2022)":                  {id: "tmdb:movie:532639"}, // the title beats another's alternative name
		"Pinocchio (2023)":                  {id: "tmdb:movie:532639"},
		"Postman, The (1997)":               {id: "tmdb:movie:9922"},
		"Postman, The (Postino, Il) (1994)": {id: "tmdb:movie:11010"},
		"Lola rennt (1998)":                 {id: "tmdb:movie:104"},
		"(500) Days of Summer (2009)":       {id: "tmdb:movie:19913"},
		"Birdman: Or (The Unexpected Virtue of Ignorance) (2014)": {id: "tmdb:movie:194662"},
		"Fargo":                            {id: "tmdb:movie:275"}, // films only: the series is another type
		"Dark (2017)":                      {why: unknownTitle},
		"Shawshank Redemtpion, The (1994)": {why: fuzzyMatch, candidates: []string{"tmdb:movie:278"}},
		"Shawshank Redemtpion, The (1990)": {why: unknownTitle},
		"Shawshank Redemtpion, The":        {why: fuzzyMatch, candidates: []string{"tmdb:movie:278"}},
		"N (1931)":                         {why: unknownTitle},
		"!!! (1999)":                       {why: unknownTitle},
	} {
		if d := cmp.Diff(want, c.film(ti.parse(raw)), cmp.AllowUnexported(match{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", raw, d)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"abcd", "abdc", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"gleich", "gleich", 0}} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("distance of %q and %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestBadCatalogues(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"tmdb:movie:1"}`: "title is missing",
		`{"id":1}`:              "line 1",
		"{}":                    "missing",
		`{"id":"a:1","title":"x"}` + "\n" + `{"id":"a:1","title":"y"}`: "twice",
	} {
		if _, err := ReadCatalogue(reader(text)); err == nil || !contains(err, want) {
			t.Errorf("%s: error is %v, want one with %q", text, err, want)
		}
	}
}

func FuzzTitle(f *testing.F) {
	for _, s := range []string{"Postman, The (Postino, Il) (1994)", "(", ")", "()()((", "X, L'", "\xff (1999)", "a (1)(2)(3000)", "ǅ, The", "A The A 00", "0000\xf7Ć", strings.Repeat("0", 64) + "ꮡ"} {
		f.Add(s)
	}
	ti := newTitles()
	f.Fuzz(func(t *testing.T, s string) {
		n := ti.parse(s)
		if slices.Contains(n.all, "") {
			t.Errorf("%q: an empty name in %q", s, n.all)
		}
		// A key is folded already: all that a second time may take is another leading article.
		k := ti.key(s)
		if again := ti.key(k); again != k && k != "the "+again && k != "a "+again && k != "an "+again {
			t.Errorf("%q: its key %q has the key %q", s, k, again)
		}
	})
}

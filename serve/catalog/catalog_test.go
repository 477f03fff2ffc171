package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBuiltin(t *testing.T) {
	c := Builtin()
	kinds, perGenre, decade := map[Kind]int{}, map[string]int{}, map[int]int{}
	for i := range c.Len() {
		title := c.At(i)
		kinds[title.Kind]++
		decade[title.Year/10*10]++
		for _, g := range title.Genres {
			perGenre[g]++
		}
		if n := len(strings.Fields(title.Plot)); n < 8 || n > 14 {
			t.Errorf("%s: plot of %d words, want 8 to 14", title.ID, n)
		}
		prefix, suffix := "cinesync:"+title.Kind.String()+":", fmt.Sprintf("-%d", title.Year)
		if !strings.HasPrefix(title.ID, prefix) || !strings.HasSuffix(title.ID, suffix) {
			t.Errorf("%s: want %sname%s", title.ID, prefix, suffix)
		}
		if len(title.Genres) == 0 || !slices.IsSorted(title.Genres) {
			t.Errorf("%s: genres %v, want some, sorted", title.ID, title.Genres)
		}
	}
	if kinds[Film] < 300 || kinds[Series] < 85 || kinds[Film]+kinds[Series] > 450 {
		t.Errorf("%d films and %d series", kinds[Film], kinds[Series])
	}
	for _, g := range Genres() {
		if perGenre[g] < 10 {
			t.Errorf("genre %s has %d titles, want at least 10", g, perGenre[g])
		}
	}
	for d := 1930; d <= 2020; d += 10 {
		if decade[d] < 8 {
			t.Errorf("the %ds have %d titles, want at least 8", d, decade[d])
		}
	}
}

func TestReadRefuses(t *testing.T) {
	const matrix = `{"id":"tmdb:movie:603","kind":"film","title":"The Matrix","year":1999,"genres":["Action","Sci-Fi"],"plot":"x"}`
	for _, c := range []struct{ in, err string }{
		{matrix + "\n" + matrix, `title 2: id "tmdb:movie:603" already stands at title 1`},
		{`{"id":"tmdb:movie:603"`, "line 1: text ends inside the object"},
		{"\n\n" + `[]`, "line 3: a JSON object is wanted"},
		{`{"ID":"tmdb:movie:603"}`, `field "ID" is unknown`},
		{strings.Replace(matrix, `"plot"`, `"stars":1,"plot"`, 1), `field "stars" is unknown`},
		{strings.Replace(matrix, `"plot"`, `"year":2,"plot"`, 1), `field "year" stands there twice`},
		{strings.Replace(matrix, `"plot":"x"`, `"cast":["A","A"]`, 1), `cast: "A" stands there twice`},
		{strings.Replace(matrix, `"plot":"x"`, `"cast":null`, 1), `field "cast" is null`},
		{strings.Replace(matrix, `"plot":"x"`, `"cast":[null]`, 1), `cast: number 1 is empty`},
		{strings.Replace(matrix, `"plot":"x"`, `"directors":"A"`, 1), `field "directors"`},
		{strings.Replace(matrix, `"plot":"x"`, `"writers":[" "]`, 1), `writers: number 1 is empty`},
		{strings.Replace(matrix, `"plot":"x"`, `"keywords":["a\u0007"]`, 1), "control character"},
		{strings.Replace(matrix, `"plot":"x"`, `"keywords":["`+strings.Repeat("x", MaxName+1)+`"]`, 1), "keywords of 97 bytes: more than 96"},
		{strings.Replace(matrix, `"plot":"x"`, `"keywords":["`+strings.Join(names(MaxNames+1), `","`)+`"]`, 1), "keywords: 49 of them, at most 48"},
		{strings.Replace(matrix, `1999`, `null`, 1), `field "year" is null`},
		{strings.Replace(matrix, `1999`, `"1999"`, 1), `field "year"`},
		{strings.Replace(matrix, `1999`, `1999.5`, 1), `field "year"`},
		{strings.Replace(matrix, `1999`, `1066`, 1), "year 1066: want 1874 to 2100"},
		{strings.Replace(matrix, `"film"`, `"movie"`, 1), `kind "movie": want film or series`},
		{strings.Replace(matrix, `"kind":"film",`, ``, 1), "want film or series"},
		{strings.Replace(matrix, `The Matrix`, ` `, 1), "title is empty"},
		{strings.Replace(matrix, `The Matrix`, `The\u0000Matrix`, 1), "control character"},
		{strings.Replace(matrix, `The Matrix`, strings.Repeat("x", MaxText+1), 1), "title of 513 bytes: more than 512"},
		{strings.Replace(matrix, `Action`, `Sci-Fi`, 1), `genre "Sci-Fi" stands there twice`},
		{strings.Replace(matrix, `Action`, `action`, 1), `genre "action" is not in the list`},
		{strings.Replace(matrix, `tmdb:movie:603`, `603`, 1), "want source:kind:name"},
		{strings.Replace(matrix, `tmdb:movie:603`, `tmdb:603`, 1), "want source:kind:name"},
		{strings.Replace(matrix, `tmdb:movie:603`, `tmdb:tv:603`, 1), "kind is film, the id says series"},
		{strings.Replace(matrix, `tmdb:movie:603`, `tmdb:movie:`, 1), `character ':' at byte 10`},
		{strings.Replace(matrix, `tmdb:movie:603`, `tmdb:movie/603`, 1), `character '/' at byte 10`},
		{strings.Replace(matrix, `tmdb:movie:603`, ``, 1), "0 bytes long"},
		{strings.Repeat(" ", maxLine+1), "line 1: longer than 196608 bytes"},
	} {
		if _, err := Read(strings.NewReader(c.in)); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%.120s\n got %v\nwant %s", c.in, err, c.err)
		}
	}
	c, err := Read(strings.NewReader("\n" + matrix + "\n\n"))
	if err != nil || c.Len() != 1 {
		t.Fatalf("a good line: %v", err)
	}
	if got, err := c.Get("tmdb:movie:603"); err != nil || got.Year != 1999 || got.Kind != Film {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Get("tmdb:tv:603"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown id gives %v, want ErrUnknown", err)
	}
}

// names makes so many different ones of the longest kind.
func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.Repeat("<", MaxName-2) + fmt.Sprintf("%02d", i)
	}
	return out
}

func TestLongestTitleFitsALine(t *testing.T) {
	title := Title{ID: "a:b:" + strings.Repeat("c", MaxID-4), Kind: Film, Title: strings.Repeat("<", MaxText), Year: 1999, Genres: Genres(), Plot: strings.Repeat("<", MaxPlot),
		Directors: names(MaxNames), Writers: names(MaxNames), Cast: names(MaxNames), Keywords: names(MaxNames)}
	b, err := json.Marshal(title)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(title, c.At(0)); diff != "" {
		t.Error(diff)
	}
}

func TestSearch(t *testing.T) {
	c := Builtin()
	for _, s := range []struct {
		query, first string
		least        int
	}{
		{"godfather", "cinesync:film:the-godfather-1972", 2},
		{"the godfather part", "cinesync:film:the-godfather-part-ii-1974", 1},
		{"AMELIE", "cinesync:film:amelie-2001", 1},
		{"shogun", "cinesync:series:shogun-2024", 1},
		{"schindlers list", "cinesync:film:schindlers-list-1993", 1},
		{"mash", "cinesync:series:mash-1972", 1},
		{"wall e", "cinesync:film:wall-e-2008", 1},
		{"toy", "cinesync:film:toy-story-1995", 2},
	} {
		got := c.Search(s.query, 10)
		if len(got) < s.least || got[0].ID != s.first {
			t.Errorf("search %q: got %v, want %s first of at least %d", s.query, got, s.first, s.least)
		}
	}
	for _, q := range []string{"", " - ", "zzzz", strings.Repeat("a", MaxText+1)} {
		if got := c.Search(q, 10); len(got) != 0 {
			t.Errorf("search %.20q found %d titles", q, len(got))
		}
	}
	if got := c.Search("the", 7); len(got) != 7 {
		t.Errorf("search for 7 gave %d", len(got))
	}
}

func TestGenreNamesOfOthers(t *testing.T) {
	got := GenreSet([]string{"Children's", "Children", "IMAX", "(no genres listed)", "Science Fiction", "sci-fi", "Film-Noir", "Musical"})
	if diff := cmp.Diff([]string{"Family", "Film-Noir", "Music", "Sci-Fi"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFeatures(t *testing.T) {
	titles := Builtin().Titles()
	rows := Features(append(titles, Title{Kind: Film, Genres: []string{"no such genre"}}))
	for i, row := range rows {
		if len(row) != FeatureColumns() {
			t.Fatalf("row %d has %d columns, want %d", i, len(row), FeatureColumns())
		}
		var length float32
		for _, x := range row[:len(genres)] {
			length += x * x
		}
		if i < len(titles) && (length < 0.999 || length > 1.001) {
			t.Errorf("%s: squared length of the genres %v, want 1", titles[i].ID, length)
		}
	}
	distance := func(a, b int) (d float32) {
		x := Features([]Title{{Kind: Film, Year: a}, {Kind: Film, Year: b}})
		for c := range x[0] {
			d += (x[0][c] - x[1][c]) * (x[0][c] - x[1][c])
		}
		return d
	}
	if near, far := distance(1969, 1970), distance(1969, 2009); near > far/10 {
		t.Errorf("1969 to 1970 is %v, to 2009 %v", near, far)
	}
	if d := distance(1900, 1925); d > 0.05 {
		t.Errorf("years before the first decade differ by %v", d)
	}
}

func TestWhatIsWrittenReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Title{
			ID:     rapid.StringMatching(`(imdb:tt|[a-z]{1,8}:x?[0-9]:)[a-zA-Z0-9._-]{1,20}`).Draw(t, "id"),
			Kind:   rapid.SampledFrom([]Kind{Film, Series}).Draw(t, "kind"),
			Title:  rapid.StringMatching(`[\p{L}\p{P}]{1,40}`).Draw(t, "title"),
			Year:   rapid.SampledFrom([]int{0, MinYear, 1999, MaxYear}).Draw(t, "year"),
			Genres: rapid.SliceOfNDistinct(rapid.SampledFrom(Genres()), 1, MaxGenres, rapid.ID).Draw(t, "genres"),
			Plot:   rapid.StringMatching(`[\p{L} ]{0,80}`).Draw(t, "plot"),
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseTitle(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"id":"tmdb:movie:603","kind":"film","title":"The Matrix","year":1999,"genres":["Action"],"plot":"x"}`))
	f.Add([]byte("{\"id\":\"a:x:b\",\"kind\":\"series\",\"title\":\"x\"}\n{\"id\":\"a:x:c\",\"kind\":\"film\",\"title\":\"\\u00e9\"}"))
	f.Add([]byte(`{"id":"a:b","id":"a:c"}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		for i := range c.Len() {
			line, err := json.Marshal(c.At(i))
			if err != nil {
				t.Fatal(err)
			}
			again.Write(append(line, '\n'))
		}
		d, err := Read(&again)
		if err != nil || d.Len() != c.Len() {
			t.Fatalf("what was read does not read again: %v", err)
		}
		for i := range c.Len() {
			x, y := c.At(i), d.At(i)
			if x.ID != y.ID || x.Kind != y.Kind || x.Title != y.Title || x.Year != y.Year || x.Plot != y.Plot || !slices.Equal(x.Genres, y.Genres) {
				t.Fatalf("title %d: %+v became %+v", i, x, y)
			}
		}
	})
}

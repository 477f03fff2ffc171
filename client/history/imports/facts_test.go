package imports

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/internal/realdata"
)

// lay writes files into a new folder.
func lay(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const (
	oneMMovies = "1::Toy Story (1995)::Animation|Comedy\n7::Sabrina (1995)::Comedy|Romance\n9::Mis\xe9rables, Les (1998)::Drama\n"
	oneMExtras = "7::Sabrina::1995::PG::x::Comedy::Sydney Pollack::Barbara Benedek (screenplay), Samuel A. Taylor (play), Samuel A. Taylor (earlier screenplay)::Harrison Ford, N/A, Harrison Ford, Julia Ormond::An \tugly  duckling.::http\n" +
		"7::again::::::::::::::::::\n" + // of two the first counts
		"1::too::few\n" +
		"x::no::number::::::::::::::::\n" +
		"9::Les Mis\xe9rables::1998::::::::Bille August::N/A::Liam Neeson, G\xe9rard (voice)::N/A::\n"
)

func TestReadTitlesOfML1M(t *testing.T) {
	dir := lay(t, map[string]string{"movies.dat": oneMMovies, "movies_extrainfos.dat.gz": gzipped(t, oneMExtras),
		"item_map.tsv": "ncf_item\tml1m_movie_id\n0\t9\n1\t7\n"})
	got, err := ReadTitles(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Title{
		{ID: "movielens:movie:9", Title: "Les Misérables", Year: 1998, Genres: []string{"Drama"},
			Facts: Facts{Directors: []string{"Bille August"}, Cast: []string{"Liam Neeson", "Gérard"}}},
		{ID: "movielens:movie:7", Title: "Sabrina", Year: 1995, Genres: []string{"Comedy", "Romance"}, Facts: Facts{Directors: []string{"Sydney Pollack"},
			Writers: []string{"Barbara Benedek", "Samuel A. Taylor"}, Cast: []string{"Harrison Ford", "Julia Ormond"}, Plot: "An ugly duckling."}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestItemMapIsStrict(t *testing.T) {
	for name, text := range map[string]string{
		"a gap":           "0\t9\n2\t7\n",
		"one film twice":  "0\t9\n1\t9\n",
		"one item twice":  "0\t9\n0\t7\n",
		"no number":       "0\t9\n1\tseven\n",
		"a column less":   "0\t9\n1\n",
		"a column more":   "0\t9\t1\n",
		"an unknown film": "0\t9\n1\t8\n",
		"nothing":         "",
		"no header":       "\x00",
	} {
		text = "ncf_item\tml1m_movie_id\n" + text
		if name == "no header" {
			text = "0\t9\n"
		}
		dir := lay(t, map[string]string{"movies.dat": oneMMovies, "item_map.tsv": text})
		if _, err := ReadTitles(dir); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "item_map.tsv") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReadTitlesOfLatestLeavesItsPeoplesTagsAlone(t *testing.T) {
	dir := lay(t, map[string]string{"movies.csv": "movieId,title,genres\n2,Jumanji (1995),Adventure|Fantasy\n1,Toy Story (1995),(no genres listed)\n",
		"links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n", "tags.csv": "userId,movieId,tag,timestamp\n1,1,pixar,1\n2,1,Fun,1\n3,1,fun ,2\n3,1,,2\nx\n"})
	got, err := ReadTitles(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Title{
		{ID: "tmdb:movie:862", Title: "Toy Story", Year: 1995},
		{ID: "movielens:movie:2", Title: "Jumanji", Year: 1995, Genres: []string{"Adventure", "Fantasy"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

const tmdbHeader = "budget,genres,id,keywords,overview,release_date,title\n"

func TestReadTitlesOfTMDB(t *testing.T) {
	dir := lay(t, map[string]string{"tmdb_5000_movies.csv.gz": gzipped(t, tmdbHeader+
		`1,"[{""id"": 16, ""name"": ""Animation""}]",862,"[{""id"": 1, ""name"": ""Toy""}, {""id"": 2, ""name"": ""toy""}, {""name"": ""boy""}]","A ""boy""`+"\n"+`plays.",1995-10-30,Toy Story`+"\n"+
		`1,broken,7,"[1",,soon,No lists`+"\n"+`1,,7,,,,again`+"\n"+`1,,x,,,,No number`+"\n")})
	got, err := ReadTitles(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Title{
		{ID: "tmdb:movie:7", Title: "No lists"},
		{ID: "tmdb:movie:862", Title: "Toy Story", Year: 1995, Genres: []string{"Animation"}, Facts: Facts{Keywords: []string{"toy", "boy"}, Plot: `A "boy" plays.`}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadTitlesRefuses(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"nothing":       {"README": "x"},
		"two data sets": {"movies.dat": oneMMovies, "movies.csv": "movieId,title,genres\n1,A,B\n"},
		"no header":     {"tmdb_5000_movies.csv": "1,2,3\n"},
		"no film":       {"tmdb_5000_movies.csv": tmdbHeader},
		"no gzip":       {"movies.dat.gz": oneMMovies},
		"twice":         {"tmdb_5000_movies.csv": tmdbHeader, "tmdb_5000_movies.csv.gz": gzipped(t, tmdbHeader)},
	} {
		if _, err := ReadTitles(lay(t, files)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestAddFacts fills in what is missing, by id before name, and leaves what is there.
func TestAddFacts(t *testing.T) {
	titles := []Title{
		{ID: "tmdb:movie:1", Title: "The Thing", Year: 1982, Facts: Facts{Plot: "own"}},
		{ID: "movielens:movie:5", Title: "Thing, The", Year: 1982},
		{ID: "movielens:movie:6", Title: "The Thing", Year: 2011},
	}
	n := AddFacts(titles, []Title{
		{ID: "tmdb:movie:9", Title: "The Thing", Year: 1982, Facts: Facts{Cast: []string{"by name"}, Plot: "by name"}},
		{ID: "tmdb:movie:1", Title: "Another", Year: 1982, Facts: Facts{Cast: []string{"by id"}, Plot: "by id"}},
	})
	if n != 2 || titles[0].Plot != "own" || titles[0].Cast[0] != "by id" || titles[1].Plot != "by name" || titles[2].Plot != "" {
		t.Errorf("%d learned, got %+v", n, titles)
	}
}

func TestReadTitlesOfRealData(t *testing.T) {
	for _, c := range []struct {
		set                                string
		titles, plots, directors, keywords int
		first, firstTitle                  string
	}{
		{set: "ml-1m", titles: 3706, plots: 3600, directors: 3600, first: "movielens:movie:1193", firstTitle: "One Flew Over the Cuckoo's Nest"},
		{set: "ml-100k", titles: 1682, first: "movielens:movie:1", firstTitle: "Toy Story"},
		{set: "ml-latest-small", titles: 9741, first: "tmdb:movie:862", firstTitle: "Toy Story"},
		{set: "tmdb-5000", titles: 4803, plots: 4700, keywords: 4300, first: "tmdb:movie:5", firstTitle: "Four Rooms"},
	} {
		got, err := ReadTitles(realdata.Folder(t, c.set))
		if err != nil {
			t.Errorf("%s: %v", c.set, err)
			continue
		}
		plots, directors, keywords := 0, 0, 0
		for _, f := range got {
			plots += min(1, len(f.Plot))
			directors += min(1, len(f.Directors))
			keywords += min(1, len(f.Keywords))
		}
		if c.set == "ml-latest-small" && keywords > 0 {
			t.Errorf("%s: %d titles have keywords, which only its people's tags could give", c.set, keywords)
		}
		if len(got) != c.titles || plots < c.plots || directors < c.directors || keywords < c.keywords || got[0].ID != c.first || got[0].Title != c.firstTitle {
			t.Errorf("%s: %d titles from %s %q on, %d plots, %d with directors, %d with keywords; want %+v", c.set, len(got), got[0].ID, got[0].Title, plots, directors, keywords, c)
		}
	}
}

// sound checks what ReadTitles promises of any input.
func sound(t *testing.T, titles []Title, err error) {
	t.Helper()
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for _, f := range titles {
		if seen[f.ID] || f.ID == "" || f.Title == "" {
			t.Errorf("title %q (%s) is empty or there twice", f.Title, f.ID)
		}
		seen[f.ID] = true
		if len(f.Plot) > maxPlot || !utf8.ValidString(f.Plot) {
			t.Errorf("plot of %d bytes: %q", len(f.Plot), f.Plot)
		}
		for _, list := range [][]string{f.Directors, f.Writers, f.Cast, f.Keywords} {
			if len(list) > maxNames {
				t.Errorf("%d names", len(list))
			}
			for _, w := range list {
				if w == "" || len(w) > maxWord || !utf8.ValidString(w) || strings.ContainsAny(w, "\n\t\x00") {
					t.Errorf("name %q", w)
				}
			}
		}
	}
}

func FuzzExtras(f *testing.F) {
	f.Add([]byte(oneMMovies), []byte(oneMExtras), []byte("ncf_item\tml1m_movie_id\n0\t9\n1\t7\n"))
	f.Add([]byte("1::\xff (1995)::"), []byte("1::::::::::::::(::,,)::\x00::::"), []byte("\xef\xbb\xbfncf_item\tML1M_movie_id\r\n0\t1"))
	f.Fuzz(func(t *testing.T, movies, extras, order []byte) {
		files := map[string]string{"movies.dat": string(movies), "movies_extrainfos.dat": string(extras), "item_map.tsv": string(order)}
		got, err := ReadTitles(lay(t, files))
		sound(t, got, err)
		delete(files, "item_map.tsv")
		got, err = ReadTitles(lay(t, files))
		sound(t, got, err)
	})
}

func FuzzTMDB(f *testing.F) {
	f.Add([]byte(tmdbHeader + `1,"[{""id"": 16, ""name"": ""Animation""}]",862,"[{""name"": ""boy""}]","A ""boy"".",1995-10-30,Toy Story`))
	f.Add([]byte("title,id,genres,keywords,overview,release_date\n\"\n\",1,[{}],\"[[{\",\xff,19"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadTitles(lay(t, map[string]string{"tmdb_5000_movies.csv": string(b)}))
		sound(t, got, err)
	})
}

func FuzzUnpacked(f *testing.F) {
	f.Add([]byte(gzipped(f, oneMMovies)))
	f.Add([]byte(gzipped(f, oneMMovies))[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadTitles(lay(t, map[string]string{"movies.dat.gz": string(b)}))
		sound(t, got, err)
	})
}

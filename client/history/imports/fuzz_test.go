package imports

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// conserves reads a path and checks that every row has its place, and that reading again gives the same.
func conserves(t *testing.T, path string, c *Catalogue) {
	t.Helper()
	for _, o := range []Options{{User: "7"}, {}, {User: "7", Catalogue: c}, {Source: MovieLens, User: "7"}} {
		res, err := Read(t.Context(), path, o)
		if err != nil {
			var decide *DecideError
			if !errors.As(err, &decide) && !errors.Is(err, ErrUnreadable) {
				t.Errorf("error is neither unreadable nor for a person: %v", err)
			}
			continue
		}
		if res.Report.Placed() != res.Report.Rows {
			t.Errorf("%d rows, %d placed: %+v", res.Report.Rows, res.Report.Placed(), res.Report)
		}
		rows := 0
		for _, f := range res.Report.Files {
			if f.Rows != nil {
				rows += *f.Rows
			}
		}
		if rows != res.Report.Rows {
			t.Errorf("files hold %d rows, the report says %d", rows, res.Report.Rows)
		}
	}
}

func catalogue(f *testing.F) *Catalogue {
	r, err := os.Open("testdata/catalogue/catalogue.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	c, err := ReadCatalogue(r)
	if err != nil {
		f.Fatal(err)
	}
	return c
}

func FuzzLatest(f *testing.F) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata/movielens/ml-latest", name))
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	f.Add(read("ratings.csv"), read("movies.csv"), read("links.csv"), read("tags.csv"))
	f.Add([]byte("timestamp,rating,movieId,userId,x\n1,\"5\n\",1,7,\n\"\"\"\n"), []byte("title,movieId\n\"a\"\"b, The (c\n)\",1\n\xff,7"), []byte("\xef\xbb\xbftmdbId,imdbId,movieId\n9.0,tt12,1"), []byte("userId,movieId,tag,timestamp\n7,1,<br>\xe9<,0\n"))
	c := catalogue(f)
	f.Fuzz(func(t *testing.T, ratings, movies, links, tags []byte) {
		dir := t.TempDir()
		for name, b := range map[string][]byte{"ratings.csv": ratings, "movies.csv": movies, "links.csv": links, "tags.csv": tags} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		conserves(t, dir, c)
	})
}

func FuzzOlder(f *testing.F) {
	f.Add([]byte("7::1::5::978300760\n7::2::5"), []byte("1::Mis\xe9rables, Les (1998)::Drama\n2::::"), []byte("7\t1\t4\t964982703\r\n7\t1"), []byte("1|Toy Story (1995)|||u|0|0|1\n2|x|"))
	c := catalogue(f)
	f.Fuzz(func(t *testing.T, ratings, movies, data, item []byte) {
		for name, files := range map[string]map[string][]byte{"1m": {"ratings.dat": ratings, "movies.dat": movies}, "100k": {"u.data": data, "u.item": item}} {
			dir := filepath.Join(t.TempDir(), name)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for file, b := range files {
				if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			conserves(t, dir, c)
			if d, err := ReadMovieLens(dir); err == nil && len(d.Users) == 0 {
				t.Error("a data set without people")
			}
		}
	})
}

func FuzzZip(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{"a/ratings.csv": ratingsHeader + "7,1,4,1\n", "a/movies.csv": moviesText} {
		w, err := z.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			f.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-30])
	c := catalogue(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x.zip")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		conserves(t, path, c)
	})
}

func FuzzCatalogue(f *testing.F) {
	f.Add([]byte(`{"id":"tmdb:movie:603","imdb":"tt0133093","type":"movie","title":"The Matrix","year":1999,"aka":["x"]}`))
	f.Add([]byte("{\"id\":\"a\",\"title\":\"b\"}\n\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadCatalogue(bytes.NewReader(b))
		if err != nil {
			return
		}
		c.film(newTitles().parse("The Matrix (1999)"))
	})
}

package imports

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/client/history"
)

const (
	ratingsHeader = "userId,movieId,rating,timestamp\n"
	moviesText    = "movieId,title,genres\n1,Toy Story (1995),Comedy|Drama\n2,\"Postman, The (Postino, Il) (1994)\",(no genres listed)\n3,Heat (1995),Crime\n"
)

// folder makes a folder of files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBadRows puts each kind of broken row in its place, and only it.
func TestBadRows(t *testing.T) {
	dir := folder(t, map[string]string{
		"movies.csv": moviesText,
		"ratings.csv": ratingsHeader +
			"7,1,4.0,964982703\n" + // made
			"7,1,4.0,964982703\n" + // duplicate
			"7,1,3.0,964982703\n" + // duplicate: the same instant, what was said first stands
			"8,1,4.0,964982703\n" + // other-user
			"7,9,4.0,964982703\n" + // not in the titles
			"7,1,6.0,964982703\n" + // no rating
			"7,1,NaN,964982703\n" +
			"7,1,4.0,tomorrow\n" + // bad-date
			"7,1,4.0,-1\n" +
			"7,1,4.0,\n" +
			"7,1,4.0\n" + // cut
			"7,1,4.0,964982703,x\n" +
			",1,4.0,964982703\n" +
			"7,\"1\"x,4.0,964982703\n" +
			"7,2,2.5,0\n" + // the epoch: date unknown
			"8,nonsense,,\n" + // other-user whatever follows
			"\"7\",\"3\",\"5\",\"964982704\"",
		"tags.csv": "userId,movieId,tag,timestamp\n7,1,<b>fun</b> &amp; games,964982705\n7,1,\" \",964982706\n7,1,fun & games,964982709\n",
	})
	res, err := Read(t.Context(), dir, Options{User: "7"})
	if err != nil {
		t.Fatal(err)
	}
	var bad []string
	for _, u := range res.Report.Unmatched {
		bad = append(bad, fmt.Sprint(u.Row, " ", u.Why))
	}
	want := "5 bad-row,6 bad-row,7 bad-row,8 bad-date,9 bad-date,10 bad-date,11 bad-row,12 bad-row,13 bad-row,14 bad-row"
	if got := strings.Join(bad, ","); got != want {
		t.Errorf("unmatched rows are\n%s, want\n%s", got, want)
	}
	r := res.Report
	if r.Rows != 20 || r.Made != 4 || r.Duplicates != 3 || r.Ignored[otherUser] != 2 || r.Ignored[empty] != 1 || r.Placed() != r.Rows {
		t.Errorf("rows %d, made %d, duplicates %d, ignored %v, placed %d", r.Rows, r.Made, r.Duplicates, r.Ignored, r.Placed())
	}
	if e := r.Events[0]; e.ID != "movielens:movie:2" || e.At != "" || e.Value != 5 {
		t.Errorf("the rating of no date is %+v", e)
	}
	for _, e := range r.Events {
		if e.Kind == history.Tag && e.Text != "fun & games" {
			t.Errorf("tag is %q", e.Text)
		}
	}
}

func TestClearErrors(t *testing.T) {
	ratings := ratingsHeader + "7,1,4.0,964982703\n"
	two := ratings + "8,1,4.0,964982703\n"
	for name, c := range map[string]struct {
		files map[string]string
		o     Options
		want  string
	}{
		"nothing there":        {map[string]string{"readme.txt": "x"}, Options{}, "no MovieLens ratings are there"},
		"another header":       {map[string]string{"ratings.csv": "Date,Name,Year,Letterboxd URI,Rating\n", "movies.csv": moviesText}, Options{}, "no MovieLens ratings"},
		"no titles":            {map[string]string{"ratings.csv": ratings}, Options{}, "titles are missing"},
		"two data sets":        {map[string]string{"a/ratings.csv": ratings, "a/movies.csv": moviesText, "b/ratings.csv": ratings, "b/movies.csv": moviesText}, Options{}, "several data sets"},
		"another source":       {map[string]string{"ratings.csv": ratings, "movies.csv": moviesText}, Options{Source: "trakt"}, `source is "trakt"`},
		"several people":       {map[string]string{"ratings.csv": two, "movies.csv": moviesText}, Options{}, "choose one with --user"},
		"an empty rating file": {map[string]string{"ratings.csv": "", "movies.csv": moviesText}, Options{}, "no MovieLens ratings"},
	} {
		_, err := Read(t.Context(), folder(t, c.files), c.o)
		if err == nil || !contains(err, c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
			continue
		}
		var decide *DecideError
		if errors.As(err, &decide) == errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v is neither unreadable nor for a person, or both", name, err)
		}
	}
	if _, err := Read(t.Context(), filepath.Join(t.TempDir(), "nowhere"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing path gives %v", err)
	}
}

func TestOnePersonNeedsNoName(t *testing.T) {
	dir := folder(t, map[string]string{"u.data": "7\t1\t4\t964982703\n7\t2\t3\t964982704\n", "u.item": "1|Toy Story (1995)|||u|0|0|0|1\n2|Mis\xe9rables, Les (1998)|||u|0\n", "u.user": "x"})
	for _, path := range []string{dir, filepath.Join(dir, "u.data")} {
		res, err := Read(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Report.Made != 2 {
			t.Errorf("%s: made %d, want 2", path, res.Report.Made)
		}
		if got := res.Import.Titles[1]; got != (history.Title{ID: "movielens:movie:2", Title: "Les Misérables", Year: 1998}) {
			t.Errorf("%s: title is %+v", path, got)
		}
	}
}

// TestCatalogueOfMovieLens: numbers count where the catalogue was made from the same files, and titles where from others.
func TestCatalogueOfMovieLens(t *testing.T) {
	c, err := NewCatalogue([]Work{
		{ID: "movielens:movie:1", Type: "movie", Title: "Toy Story", Year: 1995},
		{ID: "movielens:movie:2", Type: "movie", Title: "Another Film", Year: 1950},
		{ID: "movielens:movie:99", Type: "movie", Title: "Il Postino", Year: 1994},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"movies.csv": moviesText, "ratings.csv": ratingsHeader + "7,1,4,1\n7,2,4,2\n7,3,4,3\n"})
	res, err := Read(t.Context(), dir, Options{Catalogue: c})
	if err != nil {
		t.Fatal(err)
	}
	r := res.Report
	if len(r.Events) != 2 || r.Events[0].ID != "movielens:movie:1" || r.Events[1].ID != "movielens:movie:99" || len(r.Unmatched) != 1 || r.Unmatched[0].Why != unknownTitle {
		t.Errorf("events are %+v, unmatched %+v", r.Events, r.Unmatched)
	}
}

func TestHostileZips(t *testing.T) {
	pack := func(names ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range names {
			w := must(z.Create(n))
			must(w.Write([]byte(ratingsHeader)))
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	many := make([]string, maxFiles+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	huge := pack("ratings.csv", "movies.csv")
	for at := 0; ; { // both directory entries declare 4 GiB - 2
		i := bytes.Index(huge[at:], []byte("PK\x01\x02"))
		if i < 0 {
			break
		}
		at += i
		binary.LittleEndian.PutUint32(huge[at+24:], 0xfffffffe)
		at += 4
	}
	encrypted := pack("ratings.csv")
	for _, sig := range []string{"PK\x03\x04", "PK\x01\x02"} {
		encrypted[bytes.Index(encrypted, []byte(sig))+map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8}[sig]] |= 1
	}
	for name, c := range map[string]struct {
		zip  []byte
		want string
	}{
		"a path that leaves":  {pack("../ratings.csv"), "leaves it"},
		"an absolute path":    {pack("/ratings.csv"), "leaves it"},
		"dots inside":         {pack("a/../../ratings.csv"), "leaves it"},
		"too many entries":    {pack(many...), "more than 10000 files"},
		"too much unpacked":   {huge, "4 GiB"},
		"encrypted":           {encrypted, "encrypted"},
		"cut":                 {pack("ratings.csv")[:40], "read zip"},
		"nothing but a start": {[]byte("PK\x03\x04"), "read zip"},
	} {
		_, err := Read(t.Context(), writeFile(t, t.TempDir(), "x.zip", c.zip), Options{})
		if err == nil || !contains(err, c.want) || !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	outside := folder(t, map[string]string{"ratings.csv": ratingsHeader + "7,1,4,1\n"})
	dir := folder(t, map[string]string{"movies.csv": moviesText})
	if err := os.Symlink(filepath.Join(outside, "ratings.csv"), filepath.Join(dir, "ratings.csv")); err != nil {
		t.Skipf("this system makes no links: %v", err)
	}
	if _, err := Read(t.Context(), dir, Options{}); err == nil || !contains(err, "no MovieLens ratings") {
		t.Errorf("error is %v", err)
	}
}

func TestManyBadRowsEndTheImport(t *testing.T) {
	dir := folder(t, map[string]string{"movies.csv": moviesText, "ratings.csv": ratingsHeader + strings.Repeat("x\n", maxBadRows+1)})
	if _, err := Read(t.Context(), dir, Options{User: "7"}); err == nil || !contains(err, "is it a MovieLens file?") {
		t.Errorf("error is %v", err)
	}
}

func TestCancelled(t *testing.T) {
	dir := folder(t, map[string]string{"movies.csv": moviesText, "ratings.csv": ratingsHeader + strings.Repeat("8,1,4,1\n", 10_000)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, dir, Options{User: "7"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

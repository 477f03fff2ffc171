package imports

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client/history"
	"github.com/cinesync/cinesync/internal/realdata"
)

func TestReadMovieLens(t *testing.T) {
	dir := folder(t, map[string]string{
		"u.data": "5\t2\t4\t100\n5\t1\t3\t100\n5\t3\t1\t50\n5\t2\t1\t40\nbroken\n3\t9\t1\t50\n3\t1\t5\t0\n",
		"u.item": "1|Toy Story (1995)|01-Jan-1995||u|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n2|GoldenEye (1995)|01-Jan-1995||u|0|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0|1|0|0\n3|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
	})
	got, err := ReadMovieLens(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := &Dataset{
		Titles: []Title{
			{ID: "movielens:movie:1", Title: "Toy Story", Year: 1995, Genres: []string{"Animation", "Children's", "Comedy"}},
			{ID: "movielens:movie:2", Title: "GoldenEye", Year: 1995, Genres: []string{"Action", "Adventure", "Thriller"}},
			{ID: "movielens:movie:3", Title: "unknown"},
		},
		Users: []User{
			{3, []history.Watch{{Item: "movielens:movie:1", At: 0}}},
			{5, []history.Watch{{Item: "movielens:movie:2", At: 40}, {Item: "movielens:movie:3", At: 50}, {Item: "movielens:movie:1", At: 100}}},
		},
		Skipped: 2,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("data set differs (-want +got):\n%s", d)
	}
	if _, err := ReadMovieLens(folder(t, map[string]string{"u.data": "1\t1\t1\t-\n", "u.item": "1|x|||u|0\n"})); err == nil {
		t.Error("a data set without a readable rating was read")
	}
}

func TestReadMovieLensLatest(t *testing.T) {
	got, err := ReadMovieLens("testdata/movielens/ml-latest")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Titles) != 6 || got.Titles[5].ID != "imdb:tt0105946" || got.Titles[2].Title != "The Postman" || len(got.Users) != 2 || got.Skipped != 0 {
		t.Errorf("data set is %+v", got)
	}
	if d := cmp.Diff([]string{"Comedy", "Drama", "Romance"}, got.Titles[2].Genres); d != "" {
		t.Errorf("genres differ (-want +got):\n%s", d)
	}
}

// TestHundredK: each person's last watch is the one that the published leave-one-out split holds out, for all 943.
func TestHundredK(t *testing.T) {
	dir := realdata.Folder(t, "ml-100k")
	d, err := ReadMovieLens(dir)
	if err != nil {
		t.Fatal(err)
	}
	ratings := 0
	last := map[int]string{}
	for _, u := range d.Users {
		ratings += len(u.Watches)
		last[u.ID] = u.Watches[len(u.Watches)-1].Item
	}
	if len(d.Titles) != 1682 || len(d.Users) != 943 || ratings != 100_000 || d.Skipped != 0 {
		t.Errorf("%d titles, %d people, %d ratings, %d skipped; want 1682, 943, 100000, 0", len(d.Titles), len(d.Users), ratings, d.Skipped)
	}
	f, err := os.Open(filepath.Join(dir, "loo.test.negative"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	checked := 0
	for lines.Scan() {
		var user, item int
		if _, err := fmt.Sscanf(lines.Text(), "(%d,%d)", &user, &item); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("movielens:movie:%d", item+1); last[user+1] != want {
			t.Errorf("the last watch of user %d is %s, the split says %s", user+1, last[user+1], want)
		}
		checked++
	}
	if checked != 943 {
		t.Errorf("the split names %d people", checked)
	}
}

// TestRealImports reads one person of each real data set, into a store and out again.
func TestRealImports(t *testing.T) {
	for name, want := range map[string]struct{ rows, made int }{"ml-100k": {100_000, 272}, "ml-latest-small": {104_519, 232}} {
		t.Run(name, func(t *testing.T) {
			dir := realdata.Folder(t, name)
			res, err := Read(t.Context(), dir, Options{User: "1"})
			if err != nil {
				t.Fatal(err)
			}
			r := res.Report
			if r.Rows != want.rows || r.Made != want.made || r.Placed() != r.Rows || len(r.Unmatched)+len(r.Ambiguous) != 0 {
				t.Errorf("rows %d, made %d, placed %d, unmatched %d, ambiguous %d", r.Rows, r.Made, r.Placed(), len(r.Unmatched), len(r.Ambiguous))
			}
			store, err := history.Create(filepath.Join(t.TempDir(), "history.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if _, err := store.Apply(t.Context(), res.Import); err != nil {
				t.Fatal(err)
			}
			got, err := store.Watches(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d, err := ReadMovieLens(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(d.Users[0].Watches, got); diff != "" {
				t.Errorf("the store's watches are not the data set's (-data set +store):\n%s", diff)
			}
			names, err := store.Titles(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, title := range d.Titles {
				if names[title.ID] == "" || strings.HasSuffix(names[title.ID], ", The") {
					t.Errorf("%s is called %q", title.ID, names[title.ID])
				}
			}
		})
	}
}

// BenchmarkImport reads one person out of a large file, without the store. Its baseline is the same file's lines alone.
func BenchmarkImport(b *testing.B) {
	var text strings.Builder
	text.WriteString(ratingsHeader)
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "%d,%d,3.5,%d\n", 1+i/100, 1+i%3, 1_000_000_000+i)
	}
	dir := folder(b, map[string]string{"ratings.csv": text.String(), "movies.csv": moviesText})
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		res, err := Read(b.Context(), dir, Options{User: "77"})
		if err != nil {
			b.Fatal(err)
		}
		if res.Report.Rows != 1_000_000 {
			b.Fatal(res.Report.Rows)
		}
	}
	b.StopTimer()
	began := time.Now()
	for range b.N {
		if n := countLines(b, filepath.Join(dir, "ratings.csv")); n != 1_000_001 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(time.Since(began)), "x-of-lines-alone")
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func countLines(b *testing.B, path string) int {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	n := 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		n++
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	return n
}

package titles

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client/history/imports"
	"github.com/cinesync/cinesync/internal/realdata"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/serve/catalog"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadTakesFactsFromBeside(t *testing.T) {
	dir := write(t, "movies.dat", "1::Toy Story (1995)::Animation|Children's|IMAX\n2::Birth (1066)::\n")
	beside := write(t, "tmdb_5000_movies.csv", "id,title,release_date,genres,keywords,overview\n862,Toy Story,1995-10-30,,\"[{\"\"name\"\": \"\"Toy\"\"}]\",Toys talk.\n")
	got, err := Read(dir, beside)
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.Title{
		{ID: "movielens:movie:1", Kind: catalog.Film, Title: "Toy Story", Year: 1995, Genres: []string{"Animation", "Family"}, Plot: "Toys talk.", Keywords: []string{"toy"}},
		{ID: "movielens:movie:2", Kind: catalog.Film, Title: "Birth"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := Read(dir, t.TempDir()); err == nil || !strings.Contains(err.Error(), "another data set") {
		t.Errorf("an empty folder beside gives %v", err)
	}
}

// TestEveryFactCounts changes one fact of one title at a time, and wants its row to move.
func TestEveryFactCounts(t *testing.T) {
	make := func() []catalog.Title {
		out := []catalog.Title{}
		for i := range 12 {
			word := string(rune('a'+i)) + "castle"
			out = append(out, catalog.Title{Kind: catalog.Film, Year: 1950 + 4*i, Genres: catalog.Genres()[i%3 : i%3+2], Plot: "A " + word + " and the " + word + "s",
				Directors: []string{"d" + word}, Cast: []string{"c" + word, "d" + word}, Writers: []string{"w" + word}, Keywords: []string{"k" + word}})
		}
		out[11].Kind = catalog.Series
		return slices.Concat(out, out, out, out) // so that each fact is shared, and none is a stop word
	}
	want, err := Features(make())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*catalog.Title){
		"genres":    func(t *catalog.Title) { t.Genres = []string{"Western"} },
		"year":      func(t *catalog.Title) { t.Year += 8 },
		"kind":      func(t *catalog.Title) { t.Kind = catalog.Series },
		"plot":      func(t *catalog.Title) { t.Plot = "A bcastle" },
		"directors": func(t *catalog.Title) { t.Directors = []string{"dbcastle"} },
		"writers":   func(t *catalog.Title) { t.Writers = []string{"wbcastle"} },
		"cast":      func(t *catalog.Title) { t.Cast = []string{"cbcastle"} },
		"keywords":  func(t *catalog.Title) { t.Keywords = []string{"kbcastle"} },
	} {
		list := make()
		change(&list[0])
		got, err := Features(list)
		if err != nil {
			t.Fatal(err)
		}
		if distance(got[0], got[12]) < 0.01 || distance(want[0], want[12]) > 1e-6 {
			t.Errorf("%s: two titles differ by %v, alike by %v", name, distance(got[0], got[12]), distance(want[0], want[12]))
		}
	}
	if _, err := Features(nil); err == nil {
		t.Error("features of no title")
	}
}

func distance(a, b []float32) float64 {
	var square float64
	for i := range a {
		square += float64(a[i]-b[i]) * float64(a[i]-b[i])
	}
	return math.Sqrt(square)
}

// TestContentTellsPeoplesTaste ranks what people of ML-100K watched last, with popularity and content alone: nothing is trained.
func TestContentTellsPeoplesTaste(t *testing.T) {
	folder := realdata.Folder(t, "ml-100k")
	set, err := imports.ReadMovieLens(folder)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Read(folder, realdata.Folder(t, "ml-1m"), realdata.Folder(t, "tmdb-5000"))
	if err != nil {
		t.Fatal(err)
	}
	features, err := Features(list)
	if err != nil {
		t.Fatal(err)
	}
	start, err := model.New(model.TwoTowerFamily, IDs(list), features, 16)
	if err != nil {
		t.Fatal(err)
	}
	var people []evaluate.Person
	for _, u := range set.Users[:300] {
		last := len(u.Watches) - 2 // the newest of all is for the last judgement, not for this one
		people = append(people, evaluate.Person{Watches: u.Watches[:last], HeldOut: u.Watches[last].Item})
	}
	cases, err := evaluate.OfPeople(start.Layout, people, 99, 1)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := evaluate.New(cases, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at, n, _ := start.Layout.Offset("b")
	for i, count := range cases.Train.Counts() {
		start.Params[at : at+n][i] = float32(math.Log(float64(count) + 1))
	}
	hits := func(s *model.Snapshot) float64 {
		scorer, err := evaluate.OfSnapshot(s)
		if err != nil {
			t.Fatal(err)
		}
		result, err := judge.Measure(scorer)
		if err != nil {
			t.Fatal(err)
		}
		return result.Uniform.HR10.Mean
	}
	got := hits(start)
	at, n, _ = start.Layout.Offset("v")
	clear(start.Params[at : at+n]) // popularity is left
	popularity := hits(start)
	t.Logf("HR@10 of popularity %.3f, with content %.3f", popularity, got)
	if got < popularity+0.05 {
		t.Errorf("content adds nothing to popularity: HR@10 %.3f, without %.3f", got, popularity)
	}
}

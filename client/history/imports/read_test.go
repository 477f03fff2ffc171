package imports

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cinesync/cinesync/client/history"
)

// sample is one case of expected.json.
type sample struct {
	Path   string   `json:"path"`
	Args   []string `json:"args"`
	Report Report   `json:"report"`
	Again  struct {
		Made int `json:"made"`
	} `json:"again"`
}

func samples(t *testing.T) ([]sample, func() *Catalogue) {
	t.Helper()
	b, err := os.ReadFile("testdata/movielens/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Catalogue string   `json:"catalogue"`
		Cases     []sample `json:"cases"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f.Cases, func() *Catalogue { return readCatalogue(t, filepath.Join("testdata/movielens", f.Catalogue)) }
}

func readCatalogue(t *testing.T, path string) *Catalogue {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := ReadCatalogue(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s sample) options(t *testing.T, c *Catalogue) Options {
	t.Helper()
	o := Options{Catalogue: c}
	for i := 0; i+1 < len(s.Args); i += 2 {
		switch s.Args[i] {
		case "--source":
			o.Source = s.Args[i+1]
		case "--user":
			o.User = s.Args[i+1]
		default:
			t.Fatalf("argument %s of a sample is not known", s.Args[i])
		}
	}
	return o
}

// same compares reports without the order of arrays, nor the titles and years of rows that found nothing.
func same(want, got Report) string {
	return cmp.Diff(want, got,
		cmpopts.SortSlices(func(a, b history.Event) bool { return string(must(json.Marshal(a))) < string(must(json.Marshal(b))) }),
		cmpopts.SortSlices(func(a, b File) bool { return a.Name < b.Name }),
		cmpopts.SortSlices(func(a, b Ambiguous) bool { return a.File < b.File || a.File == b.File && a.Row < b.Row }),
		cmpopts.SortSlices(func(a, b Unmatched) bool { return a.File < b.File || a.File == b.File && a.Row < b.Row }),
		cmpopts.IgnoreFields(Ambiguous{}, "Title", "Year"), cmpopts.IgnoreFields(Unmatched{}, "Title", "Year"))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSamples(t *testing.T) {
	cases, catalogue := samples(t)
	for _, s := range cases {
		t.Run(s.Path, func(t *testing.T) {
			dir := filepath.Join("testdata/movielens", s.Path)
			paths := map[string]string{"folder": dir, "zip": zipFolder(t, dir, ""), "zip with a top folder": zipFolder(t, dir, "any/")}
			for how, path := range paths {
				for _, source := range []string{"", MovieLens} {
					o := s.options(t, catalogue())
					o.Source = source
					res, err := Read(t.Context(), path, o)
					if err != nil {
						t.Fatalf("%s: %v", how, err)
					}
					for i := range res.Report.Files {
						res.Report.Files[i].Name = filepath.Base(res.Report.Files[i].Name)
					}
					if d := same(s.Report, res.Report); d != "" {
						t.Errorf("%s, --source %q: report differs (-want +got):\n%s", how, source, d)
					}
				}
			}
		})
	}
}

func TestSamplesAgain(t *testing.T) {
	cases, catalogue := samples(t)
	for _, s := range cases {
		t.Run(s.Path, func(t *testing.T) {
			store, err := history.Create(filepath.Join(t.TempDir(), "history.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			res, err := Read(t.Context(), filepath.Join("testdata/movielens", s.Path), s.options(t, catalogue()))
			if err != nil {
				t.Fatal(err)
			}
			dry, err := store.Preview(t.Context(), res.Import)
			if err != nil {
				t.Fatal(err)
			}
			if d := same(s.Report, res.Report.With(dry)); d != "" {
				t.Errorf("preview differs (-want +got):\n%s", d)
			}
			if n, err := store.Count(t.Context()); n != 0 || err != nil {
				t.Fatalf("a preview left %d events, %v", n, err)
			}
			out, err := store.Apply(t.Context(), res.Import)
			if err != nil {
				t.Fatal(err)
			}
			if d := same(s.Report, res.Report.With(out)); d != "" {
				t.Errorf("report differs (-want +got):\n%s", d)
			}
			again, err := store.Apply(t.Context(), res.Import)
			if err != nil {
				t.Fatal(err)
			}
			if again.Made != s.Again.Made || again.Duplicates != out.Made+out.Duplicates {
				t.Errorf("a second import made %d and found %d duplicates, want %d and %d", again.Made, again.Duplicates, s.Again.Made, out.Made)
			}
			if n, err := store.Count(t.Context()); n != s.Report.Made || err != nil {
				t.Errorf("the store holds %d events, %v; want %d", n, err, s.Report.Made)
			}
		})
	}
}

// TestReportJSON pins field names, their order, and that nothing is null.
func TestReportJSON(t *testing.T) {
	s, catalogue := samples(t)
	res, err := Read(context.Background(), "testdata/movielens/ml-1m", s[1].options(t, catalogue()))
	if err != nil {
		t.Fatal(err)
	}
	res.Report.Events = res.Report.Events[:1]
	got := string(must(json.Marshal(res.Report)))
	want := `{"source":"movielens","files":[{"name":"movies.dat","used":true},{"name":"ratings.dat","rows":7,"used":true}],"rows":7,"made":6,"merged":0,"duplicates":0,` +
		`"ignored":{"other-user":1},"ambiguous":[],"unmatched":[],"events":[{"kind":"rating","id":"tmdb:movie:62","at":"2000-12-31T22:04:35Z","value":8}]}`
	if got != want {
		t.Errorf("report is\n%s\nwant\n%s", got, want)
	}
}

// zipFolder packs a folder's files, below a prefix.
func zipFolder(t *testing.T, dir, prefix string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		w, err := z.Create(prefix + filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, t.TempDir(), "data.zip", b.Bytes())
}

func writeFile(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

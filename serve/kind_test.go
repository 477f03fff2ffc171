package serve

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/catalog"
)

// twins is a service over films and series that have the same numbers, in a model in which film n is like series n and nothing else.
func twins(t *testing.T, n int) (*world, *model.Snapshot) {
	t.Helper()
	w := &world{t: t, key: ed25519.NewKeyFromSeed(make([]byte, 32)), folder: fstest.MapFS{}}
	var list []catalog.Title
	for i := range n {
		list = append(list, catalog.Title{ID: fmt.Sprintf("tmdb:movie:%d", 1399+i), Kind: catalog.Film, Title: fmt.Sprintf("Film %d", i)},
			catalog.Title{ID: fmt.Sprintf("tmdb:tv:%d", 1399+i), Kind: catalog.Series, Title: fmt.Sprintf("Series %d", i)})
	}
	var err error
	if w.titles, err = catalog.FromTitles(list); err != nil {
		t.Fatal(err)
	}
	if w.service, err = New(Config{Models: w.folder, Key: w.key.Public().(ed25519.PublicKey), Catalogue: w.titles}); err != nil {
		t.Fatal(err)
	}
	s, err := model.New(model.TwoTowerFamily, w.titles.IDs(), nil, n)
	if err != nil {
		t.Fatal(err)
	}
	at, size, _ := s.Layout.Offset("v")
	clear(s.Params[at : at+size])
	for row := range 2 * n {
		s.Params[at+row*n+row/2] = 1
	}
	w.publish(w.releaseOf(s, 1))
	if err := w.service.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	return w, s
}

// TestFilm1399IsNotSeries1399 asks with a film: its namesake in number is a title of its own, first of the series, because of the film.
func TestFilm1399IsNotSeries1399(t *testing.T) {
	w, _ := twins(t, 4)
	for i := range 4 {
		film, series := fmt.Sprintf("tmdb:movie:%d", 1399+i), fmt.Sprintf("tmdb:tv:%d", 1399+i)
		for _, c := range []struct{ seed, first string }{{film, series}, {series, film}} {
			slate, err := w.service.Recommend(Query{Seeds: []string{c.seed}, N: 100})
			if err != nil {
				t.Fatal(err)
			}
			if len(slate.Items) != 7 || slate.Items[0].Title.ID != c.first || slate.Items[0].Because == nil || slate.Items[0].Because.ID != c.seed {
				t.Errorf("seed %s: %d titles, first %+v; want 7, and %s because of the seed", c.seed, len(slate.Items), slate.Items[0], c.first)
			}
			for _, it := range slate.Items[1:] {
				if it.Because != nil {
					t.Errorf("seed %s: %s because of %s, which says nothing about it", c.seed, it.Title.ID, it.Because.ID)
				}
			}
		}
	}
}

// TestKindListsOneKind wants the list of a kind to be the whole list without the other.
func TestKindListsOneKind(t *testing.T) {
	w, s := twins(t, 5)
	seeds := []string{"tmdb:movie:1400", "tmdb:tv:1402"}
	vector := make([]float32, s.Layout.Dim)
	vector[2] = 1
	for name, ask := range map[string]func(n int, k catalog.Kind) (Slate, error){
		"seeds": func(n int, k catalog.Kind) (Slate, error) {
			return w.service.Recommend(Query{Seeds: seeds, N: n, Kind: k})
		},
		"vector": func(n int, k catalog.Kind) (Slate, error) {
			return w.service.Recommend(Query{Vector: vector, N: n, Kind: k})
		},
		"similar": func(n int, k catalog.Kind) (Slate, error) { return w.service.Similar(seeds[0], n, k) },
	} {
		all, err := ask(100, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []catalog.Kind{catalog.Film, catalog.Series} {
			var want []string
			for _, it := range all.Items {
				if it.Title.Kind == kind {
					want = append(want, it.Title.ID)
				}
			}
			for _, n := range []int{2, 100} {
				got, err := ask(n, kind)
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Items) != min(n, len(want)) {
					t.Fatalf("%s: %d of %s, want %d", name, len(got.Items), kind, min(n, len(want)))
				}
				for i, it := range got.Items {
					if it.Title.ID != want[i] {
						t.Errorf("%s, %s: place %d is %s, want %s", name, kind, i, it.Title.ID, want[i])
					}
				}
			}
		}
		var bad *BadQuery
		if _, err := ask(3, 7); !errors.As(err, &bad) || bad.Fields[0].Name != "kind" {
			t.Errorf("%s: kind 7 gives %v", name, err)
		}
	}
}

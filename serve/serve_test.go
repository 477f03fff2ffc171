package serve

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/rank"
)

// world is a coordinator's key and folder, and a service that reads it.
type world struct {
	t       testing.TB
	key     ed25519.PrivateKey
	titles  *catalog.Catalogue
	folder  fstest.MapFS
	service *Service
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), folder: fstest.MapFS{}}
	var err error
	if w.titles, err = catalog.FromTitles(catalog.Builtin().Titles()[:60]); err != nil {
		t.Fatal(err)
	}
	w.service, err = New(Config{Models: w.folder, Key: w.key.Public().(ed25519.PublicKey), Catalogue: w.titles})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// release makes a version whose snapshot rates the title at row version above all others, so that an answer tells its version.
func (w *world) release(family string, version uint64) (snapshot []byte, note Note) {
	w.t.Helper()
	return w.releaseOf(w.snapshot(family, version), version)
}

func (w *world) snapshot(family string, version uint64) *model.Snapshot {
	w.t.Helper()
	s, err := model.New(family, w.titles.IDs(), catalog.Features(w.titles.Titles()), 4)
	if err != nil {
		w.t.Fatal(err)
	}
	at, size, ok := s.Layout.Offset("b")
	if !ok || size != w.titles.Len() {
		w.t.Fatalf("%s has no bias for each title", family)
	}
	s.Params[at+int(version)] = 1000
	return s
}

func (w *world) releaseOf(s *model.Snapshot, version uint64) ([]byte, Note) {
	return s.Encode(), Release{Model: s.Hash(), Version: version, Round: version + 100, LogIndex: version + 1000}.Sign(w.key)
}

// publish writes a release into the folder and promotes it.
func (w *world) publish(snapshot []byte, n Note) {
	name := fmt.Sprintf("%x", n.Model)
	w.folder[name+".snapshot"] = &fstest.MapFile{Data: snapshot}
	w.folder[name+".release"] = &fstest.MapFile{Data: n.Encode()}
	w.folder["serving"] = &fstest.MapFile{Data: []byte(name + "\n")}
}

func (w *world) version() uint64 {
	r, _ := w.service.Release()
	return r.Version
}

var ctx = context.Background()

func TestNoModelNoScore(t *testing.T) {
	w := newWorld(t)
	if err := w.service.Reload(ctx); !errors.Is(err, ErrNoModel) {
		t.Errorf("reload of an empty folder: %v, want ErrNoModel", err)
	}
	id := w.titles.At(0).ID
	if _, err := w.service.Recommend(Query{Seeds: []string{id}}); !errors.Is(err, ErrNoModel) {
		t.Errorf("recommend: %v, want ErrNoModel", err)
	}
	if _, err := w.service.Similar(id, 3, 0); !errors.Is(err, ErrNoModel) {
		t.Errorf("similar: %v, want ErrNoModel", err)
	}
	if _, ok := w.service.Release(); ok {
		t.Error("there is a release")
	}
	if taken, refused := w.service.Swaps(); taken != 0 || refused != 0 {
		t.Errorf("%d taken, %d refused", taken, refused)
	}
}

func TestReloadTakesThePromotedRelease(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		w := newWorld(t)
		for _, version := range []uint64{3, 4, 3} { // the last is a rollback
			w.publish(w.release(family, version))
			if err := w.service.Reload(ctx); err != nil {
				t.Fatalf("%s: %v", family, err)
			}
			slate, err := w.service.Recommend(Query{Seeds: []string{w.titles.At(0).ID}, N: 5})
			if err != nil {
				t.Fatalf("%s: %v", family, err)
			}
			r := slate.Release
			if r.Version != version || r.Round != version+100 || r.LogIndex != version+1000 || slate.Items[0].Title.ID != w.titles.At(int(version)).ID {
				t.Errorf("%s version %d: got %+v, first %s", family, version, r, slate.Items[0].Title.ID)
			}
		}
		if err := w.service.Reload(ctx); err != nil {
			t.Error(err)
		}
		if taken, refused := w.service.Swaps(); taken != 3 || refused != 0 {
			t.Errorf("%s: %d taken, %d refused; want 3 and 0, the same release is not loaded twice", family, taken, refused)
		}
	}
}

// TestABadReleaseChangesNothing publishes each kind of damage over a good version 3.
func TestABadReleaseChangesNothing(t *testing.T) {
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	for _, c := range []struct {
		name, err string
		damage    func(w *world)
	}{
		{"a byte of the snapshot", "the file is damaged", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			s[len(s)-1] ^= 1
			w.publish(s, n)
		}},
		{"half a snapshot", "the file is damaged", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			w.publish(s[:len(s)/2], n)
		}},
		{"a signed file that is no snapshot", "version 4: parse snapshot", func(w *world) {
			s := []byte("not a model")
			w.publish(s, Release{Model: hash(s), Version: 4}.Sign(w.key))
		}},
		{"another's signature", "not the coordinator's", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			w.publish(s, n.Sign(other))
		}},
		{"a changed version", "not the coordinator's", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			n.Version++
			w.publish(s, n)
		}},
		{"the note of another model", "its note is of model", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			_, m := w.release(model.TwoTowerFamily, 5)
			w.publish(s, n)
			w.folder[fmt.Sprintf("%x.release", n.Model)] = &fstest.MapFile{Data: m.Encode()}
		}},
		{"a note that is no JSON", "release note: text ends", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			w.publish(s, n)
			w.folder[fmt.Sprintf("%x.release", n.Model)] = &fstest.MapFile{Data: []byte("{")}
		}},
		{"a note that is too long", "more than 4096", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			w.publish(s, n)
			w.folder[fmt.Sprintf("%x.release", n.Model)] = &fstest.MapFile{Data: make([]byte, 5000)}
		}},
		{"no snapshot", "file does not exist", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			w.publish(s, n)
			delete(w.folder, fmt.Sprintf("%x.snapshot", n.Model))
		}},
		{"no note", "file does not exist", func(w *world) {
			s, n := w.release(model.TwoTowerFamily, 4)
			w.publish(s, n)
			delete(w.folder, fmt.Sprintf("%x.release", n.Model))
		}},
		{"a path instead of a hash", "want the hash of a model", func(w *world) {
			w.folder["serving"] = &fstest.MapFile{Data: []byte("../../etc/passwd\n")}
		}},
		{"upper case", "want the hash of a model", func(w *world) {
			w.folder["serving"] = &fstest.MapFile{Data: []byte(strings.Repeat("AB", 32))}
		}},
		{"a model of other titles", "none of the model's 2 titles", func(w *world) {
			s, err := model.New(model.TwoTowerFamily, []string{"x:1", "x:2"}, [][]float32{{1, 0}, {0, 1}}, 1)
			if err != nil {
				w.t.Fatal(err)
			}
			w.publish(w.releaseOf(s, 4))
		}},
		{"numbers that overflow", "score is not a finite number", func(w *world) {
			s := w.snapshot(model.TwoTowerFamily, 4)
			for i := range s.Params {
				s.Params[i] = math.MaxFloat32
			}
			w.publish(w.releaseOf(s, 4))
		}},
	} {
		w := newWorld(t)
		w.publish(w.release(model.TwoTowerFamily, 3))
		if err := w.service.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		c.damage(w)
		if err := w.service.Reload(ctx); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
		if w.version() != 3 {
			t.Errorf("%s: version %d answers, want the last good one, 3", c.name, w.version())
		}
		if _, refused := w.service.Swaps(); refused != 1 {
			t.Errorf("%s: %d refused, want 1", c.name, refused)
		}
	}
}

func TestTheFolderMayVanish(t *testing.T) {
	w := newWorld(t)
	if err := w.service.Swap(ctx, first(w.release(model.TwoTowerFamily, 3)), second(w.release(model.TwoTowerFamily, 3)).Encode()); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Reload(ctx); !errors.Is(err, ErrNoModel) {
		t.Errorf("reload: %v", err)
	}
	if w.version() != 3 {
		t.Error("the model is gone with its folder")
	}
}

func TestAStoppedReloadChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.publish(w.release(model.TwoTowerFamily, 3))
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := w.service.Reload(stopped); !errors.Is(err, context.Canceled) || w.version() != 0 {
		t.Errorf("error %v, version %d", err, w.version())
	}
}

func TestRecommendRefuses(t *testing.T) {
	w := newWorld(t)
	s, n := w.release(model.TwoTowerFamily, 3)
	if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
		t.Fatal(err)
	}
	known := w.titles.At(0).ID
	for _, c := range []struct {
		name string
		q    Query
		want []Field
	}{
		{"nothing", Query{}, []Field{{"seeds", "give either seeds, at least one watched title, or vector"}}},
		{"both", Query{Seeds: []string{known}, Vector: make([]float32, 4)}, []Field{{"seeds", "give either seeds, at least one watched title, or vector"}}},
		{"unknown seeds", Query{Seeds: []string{"x:1", known, "x:2"}, N: 101}, []Field{{"n", "101, want 1 to 100"},
			{"seeds[0]", `title "x:1" is not known to the model`}, {"seeds[2]", `title "x:2" is not known to the model`}}},
		{"too many seeds", Query{Seeds: make([]string, MaxSeeds+1)}, []Field{{"seeds", "1001 titles, at most 1000"}}},
		{"a negative n", Query{Seeds: []string{known}, N: -1}, []Field{{"n", "-1, want 1 to 100"}}},
		{"an endless vector", Query{Vector: []float32{float32(math.NaN()), 0, 0, 0}}, nil},
		{"a narrow vector", Query{Vector: []float32{1}}, nil},
		{"no vector", Query{Vector: []float32{}}, nil},
	} {
		_, err := w.service.Recommend(c.q)
		var bad *BadQuery
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a BadQuery", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, bad.Fields); c.want != nil && diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if c.want == nil && (len(bad.Fields) != 1 || bad.Fields[0].Name != "vector") {
			t.Errorf("%s: %v, want one remark on vector", c.name, bad)
		}
	}
}

func TestNCFHasNoVector(t *testing.T) {
	w := newWorld(t)
	s, n := w.release(model.NCFFamily, 3)
	if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
		t.Fatal(err)
	}
	var bad *BadQuery
	if _, err := w.service.Recommend(Query{Vector: make([]float32, 4)}); !errors.As(err, &bad) || bad.Fields[0].Name != "vector" {
		t.Errorf("got %v, want a remark on vector", err)
	}
}

// TestSlates checks of any seeds: none of them listed, nothing twice, scores falling, the same answer again.
func TestSlates(t *testing.T) {
	w := newWorld(t)
	s, n := w.release(model.TwoTowerFamily, 3)
	if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		seeds := rapid.SliceOfN(rapid.SampledFrom(w.titles.IDs()), 1, 70).Draw(t, "seeds")
		q := Query{Seeds: seeds, N: rapid.IntRange(1, MaxN).Draw(t, "n")}
		slate, err := w.service.Recommend(q)
		if err != nil {
			t.Fatal(err)
		}
		listed := map[string]bool{}
		for _, id := range seeds {
			listed[id] = true
		}
		if want := min(q.N, w.titles.Len()-len(listed)); len(slate.Items) != want {
			t.Fatalf("%d titles, want %d", len(slate.Items), want)
		}
		for i, it := range slate.Items {
			if listed[it.Title.ID] {
				t.Fatalf("%s is a seed or listed twice", it.Title.ID)
			}
			listed[it.Title.ID] = true
			if i > 0 && it.Score > slate.Items[i-1].Score {
				t.Fatalf("place %d scores above the one before", i+1)
			}
		}
		again, err := w.service.Recommend(q)
		if diff := cmp.Diff(slate, again); err != nil || diff != "" {
			t.Fatalf("asked again: %v %s", err, diff)
		}
	})
}

// TestNoCosineIsBeyondOne: rounding must not make a vector longer than 1, since two titles may have the same.
func TestNoCosineIsBeyondOne(t *testing.T) {
	s := newWorld(t).snapshot(model.TwoTowerFamily, 4)
	rng := rand.New(rand.NewPCG(3, 3))
	at, size, _ := s.Layout.Offset("v")
	for range 100 {
		for i := range size {
			s.Params[at+i] = float32(rng.NormFloat64())
		}
		unit, err := unitVectors(s)
		if err != nil {
			t.Fatal(err)
		}
		table, err := rank.NewTable(unit, nil, s.Layout.Dim)
		if err != nil {
			t.Fatal(err)
		}
		for row := range table.Titles() {
			if c := table.Score(table.Vector(row), row); c > 1 || c < 1-0x1p-22 {
				t.Fatalf("the cosine of row %d with itself is %v", row, c)
			}
		}
	}
}

func TestSimilar(t *testing.T) {
	w := newWorld(t)
	s, n := w.release(model.TwoTowerFamily, 3)
	if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
		t.Fatal(err)
	}
	negative := 0
	for i := range w.titles.Len() {
		id := w.titles.At(i).ID
		slate, err := w.service.Similar(id, MaxN, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(slate.Items) != w.titles.Len()-1 {
			t.Errorf("%s: %d titles, want all others", id, len(slate.Items))
		}
		for _, it := range slate.Items {
			if it.Title.ID == id {
				t.Errorf("%s is similar to itself", id)
			}
			if it.Score < -1 || it.Score > 1 {
				t.Errorf("%s: cosine %v", id, it.Score)
			}
			if it.Score < 0 {
				negative++
			}
		}
	}
	if negative == 0 {
		t.Error("no cosine kept a negative sign")
	}
	if _, err := w.service.Similar("x:1", 3, 0); !errors.Is(err, catalog.ErrUnknown) {
		t.Errorf("an unknown title: %v", err)
	}
	if _, err := w.service.Similar(w.titles.At(0).ID, 101, 0); err == nil {
		t.Error("n of 101 is answered")
	}
}

// TestTitlesOutsideTheCatalogueAreNotListed serves a model that knows two titles more, and a catalogue that knows one more.
func TestTitlesOutsideTheCatalogueAreNotListed(t *testing.T) {
	w := newWorld(t)
	ids := append([]string{"x:1", "x:2"}, w.titles.IDs()[1:]...)
	features := make([][]float32, len(ids))
	for i := range features {
		features[i] = []float32{float32(i % 3), float32(i % 5)}
	}
	s, err := model.New(model.TwoTowerFamily, ids, features, 4)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, n := w.releaseOf(s, 3)
	if err := w.service.Swap(ctx, snapshot, n.Encode()); err != nil {
		t.Fatal(err)
	}
	slate, err := w.service.Recommend(Query{Seeds: []string{"x:1"}, N: MaxN})
	if err != nil || len(slate.Items) != len(ids)-2 {
		t.Errorf("%d titles, want %d: %v", len(slate.Items), len(ids)-2, err)
	}
	for _, it := range slate.Items {
		if it.Title.Title == "" {
			t.Error("a title without a name is listed")
		}
	}
	if _, err := w.service.Similar(w.titles.At(0).ID, 3, 0); !errors.Is(err, ErrNotInModel) {
		t.Errorf("a title that the model lacks: %v, want ErrNotInModel", err)
	}
}

// TestASwapNeverMixesVersions asks from several sides while the model is replaced: the title listed first, the version, the round,
// the log index and the hash must always belong together (P21).
func TestASwapNeverMixesVersions(t *testing.T) {
	w := newWorld(t)
	const swaps, askers, asks = 20, 4, 1500
	type release struct {
		snapshot []byte
		note     Note
	}
	var releases []release
	for v := range uint64(swaps) {
		s, n := w.release(model.TwoTowerFamily, v+1)
		releases = append(releases, release{s, n})
	}
	if err := w.service.Swap(ctx, releases[0].snapshot, releases[0].note.Encode()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	tick := make(chan struct{}, askers*asks)
	for range askers {
		wg.Go(func() {
			for range asks {
				slate, err := w.service.Recommend(Query{Seeds: []string{w.titles.At(50).ID}, N: 1})
				if err != nil {
					t.Error(err)
					return
				}
				v := slate.Release.Version
				if slate.Release != releases[v-1].note.Release || slate.Items[0].Title.ID != w.titles.At(int(v)).ID {
					t.Errorf("version %d: %+v with %s first", v, slate.Release, slate.Items[0].Title.ID)
					return
				}
				tick <- struct{}{}
			}
		})
	}
	for _, r := range releases[1:] {
		for range askers * asks / swaps / 2 { // spreads the swaps over the first half of the requests
			<-tick
		}
		if err := w.service.Swap(ctx, r.snapshot, r.note.Encode()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if w.version() != swaps {
		t.Errorf("version %d, want %d", w.version(), swaps)
	}
}

func first[A, B any](a A, _ B) A  { return a }
func second[A, B any](_ A, b B) B { return b }

// BenchmarkRecommend answers over the whole built-in catalogue. Its baseline is the scores alone, from a history that is ready.
func BenchmarkRecommend(b *testing.B) {
	w := newWorld(b)
	var err error
	w.titles = catalog.Builtin()
	if w.service, err = New(Config{Models: w.folder, Key: w.key.Public().(ed25519.PublicKey), Catalogue: w.titles}); err != nil {
		b.Fatal(err)
	}
	s, n := w.release(model.TwoTowerFamily, 3)
	if err := w.service.Swap(b.Context(), s, n.Encode()); err != nil {
		b.Fatal(err)
	}
	q := Query{Seeds: w.titles.IDs()[10:40], N: 10}
	for b.Loop() {
		if _, err := w.service.Recommend(q); err != nil {
			b.Fatal(err)
		}
	}
	e := w.service.engine.Load()
	scorer, err := e.scorer(nil, e.history(q))
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for range b.N {
		e.score(scorer)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(time.Since(began)), "x-of-scores-alone")
}

package accel

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/score"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/rank"
)

// ncf is an NCF with every parameter at random, over so many titles of the built-in catalogue or of none.
func ncf(t *testing.T, titles, dim int, seed uint64) *model.Snapshot {
	t.Helper()
	ids := catalog.Builtin().IDs()
	for i := len(ids); i < titles; i++ {
		ids = append(ids, fmt.Sprintf("made:up:%d", i))
	}
	s, err := model.New(model.NCFFamily, ids[:titles], nil, dim)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range s.Params {
		s.Params[i] += float32(rng.NormFloat64() * 0.2)
	}
	return s
}

// pasts are histories of different lengths.
func pasts(n, titles int) [][]int {
	out := make([][]int, n)
	for i := range out {
		for k := range 1 + i*3%40 {
			out[i] = append(out[i], (i*997+k*31)%titles)
		}
	}
	return out
}

// near wants scores that are as near as serving promises.
func near(got, want []float32) error {
	bound := 1.0
	for _, v := range want {
		bound = max(bound, math.Abs(float64(v)))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-float64(v)) <= 1e-4*bound) {
			return fmt.Errorf("title %d has score %v, the CPU gives %v", i, got[i], v)
		}
	}
	return nil
}

// TestScoresOnTheGPU holds people alone and in batches to the CPU's scores, and wants models without kernels refused.
func TestScoresOnTheGPU(t *testing.T) {
	a, lines := open(t)
	const titles = 3000
	s := ncf(t, titles, 32, 1)
	scores, err := a.Scores()(s)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(s.Layout)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, titles)
	for _, n := range []int{1, 7, 100} {
		histories, rows := pasts(n, titles), make([][]float32, n)
		for i := range rows {
			rows[i] = make([]float32, titles)
		}
		if err := scores.Batch(histories, rows); err != nil {
			t.Fatal(err)
		}
		for i, h := range histories {
			var past []model.Example
			for _, row := range h {
				past = append(past, model.Example{Item: row})
			}
			cpu, err := m.Scorer(s.Params, past)
			if err != nil {
				t.Fatal(err)
			}
			cpu.Scores(want)
			if err := near(rows[i], want); err != nil {
				t.Fatalf("person %d of %d: %v", i, n, err)
			}
		}
	}
	if _, err := a.Scores()(ncf(t, 3, 257, 1)); !errors.Is(err, score.ErrModel) {
		t.Errorf("a wide NCF: %v", err)
	}
	if err := errors.Join(scores.Close(), a.Close()); err != nil || len(*lines) != 1 {
		t.Errorf("%q %v", *lines, err)
	}
}

// served is a service whose lists hold the whole catalogue.
type served struct {
	*serve.Service
	key ed25519.PrivateKey
	log bytes.Buffer
}

const listed = 60

func newServed(t *testing.T, scores serve.OpenScores) *served {
	t.Helper()
	s := &served{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	titles, err := catalog.FromTitles(catalog.Builtin().Titles()[:listed])
	if err != nil {
		t.Fatal(err)
	}
	s.Service, err = serve.New(serve.Config{Models: fstest.MapFS{}, Key: s.key.Public().(ed25519.PublicKey), Catalogue: titles, Scores: scores,
		Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *served) swap(t *testing.T, version uint64) {
	t.Helper()
	snapshot := ncf(t, listed, 16, version)
	note := serve.Release{Model: snapshot.Hash(), Version: version, Round: version, LogIndex: version}.Sign(s.key)
	if err := s.Swap(t.Context(), snapshot.Encode(), note.Encode()); err != nil {
		t.Fatal(err)
	}
}

// scores is what the service says of all titles but the seeds, 0 for those; version is the model's.
func (s *served) scores(seeds int) (scores []float32, version uint64, err error) {
	all := s.Catalogue()
	slate, err := s.Recommend(serve.Query{Seeds: all.IDs()[:seeds], N: listed})
	if err != nil {
		return nil, 0, err
	}
	if len(slate.Items) != listed-seeds {
		return nil, 0, fmt.Errorf("%d titles are listed, want %d", len(slate.Items), listed-seeds)
	}
	scores = make([]float32, listed)
	for _, e := range slate.Items {
		for row, id := range all.IDs() {
			if id == e.Title.ID {
				scores[row] = e.Score
			}
		}
	}
	return scores, slate.Release.Version, nil
}

// TestServingScoresOnTheGPU asks from many sides while releases change.
func TestServingScoresOnTheGPU(t *testing.T) {
	a, _ := open(t)
	const versions = 5
	mine, theirs := newServed(t, nil), newServed(t, a.Scores())
	want := make([][][]float32, versions+1)
	for v := 1; v <= versions; v++ {
		mine.swap(t, uint64(v))
		for seeds := range 10 {
			scores, _, err := mine.scores(seeds + 1)
			if err != nil {
				t.Fatal(err)
			}
			want[v] = append(want[v], scores)
		}
	}
	theirs.swap(t, 1)
	var wg sync.WaitGroup
	for asker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				seeds := (asker + i) % 10
				got, version, err := theirs.scores(seeds + 1)
				if err != nil {
					t.Error(err)
					return
				}
				if err := near(got, want[version][seeds]); err != nil {
					t.Errorf("version %d, %d seeds: %v", version, seeds+1, err)
				}
			}
		})
	}
	for v := 2; v <= versions; v++ {
		theirs.swap(t, uint64(v))
	}
	wg.Wait()
	theirs.Close()
	if err := a.Close(); err != nil || theirs.log.Len() != 0 {
		t.Errorf("%v; the log is %q", err, theirs.log.String())
	}
}

// TestServingGoesOnWithoutItsGPU loses the GPU between two requests, in another process.
func TestServingGoesOnWithoutItsGPU(t *testing.T) {
	if !gputest.Apart(t) {
		return
	}
	a, err := Open(Auto, func(slog.Level, string) {})
	if err != nil {
		t.Fatal(err)
	}
	mine, theirs := newServed(t, nil), newServed(t, a.Scores())
	mine.swap(t, 1)
	theirs.swap(t, 1)
	for i := range 6 {
		if i == 3 {
			if theirs.log.Len() > 0 {
				t.Errorf("the log is %q before anything failed", theirs.log.String())
			}
			fault(t, a.devices[0])
		}
		want, _, err := mine.scores(i + 1)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := theirs.scores(i + 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := near(got, want); err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if log := theirs.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "the processor scores from now on") || !strings.Contains(log, "CUDA_ERROR_ILLEGAL_ADDRESS") {
		t.Errorf("the log is %q", log)
	}
	theirs.Close()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// full is a backend that fails with an error of its own.
type full struct {
	serve.Scores
	err error
}

func (f full) Batch([][]int, [][]float32) error { return f.err }

// TestNoRoomIsNoLoss: short memory passes, unless the device is lost.
func TestNoRoomIsNoLoss(t *testing.T) {
	well, gone := func() error { return nil }, func() error { return gpu.ErrLost }
	for _, c := range []struct {
		err  error
		lost func() error
		room bool
	}{{fmt.Errorf("people: %w", gpu.ErrMemory), well, true}, {gpu.ErrMemory, gone, false}, {gpu.ErrLost, gone, false}, {nil, well, false}} {
		if err := (scores{full{err: c.err}, c.lost}).Batch(nil, nil); errors.Is(err, rank.ErrRoom) != c.room || !errors.Is(err, c.err) {
			t.Errorf("%v gave %v", c.err, err)
		}
	}
}

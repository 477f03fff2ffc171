package serve

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/rank"
)

// scorers makes backends that score as the model does, until spoil says otherwise, and watches over how they are used.
type scorers struct {
	t     testing.TB
	spoil func(call int, dst [][]float32) error // nil: never; called after each call, from 0, which is the trial

	mu           sync.Mutex
	batches      []int // people of each call
	open, closed int
}

type scored struct {
	of     *scorers
	model  model.Model
	params []float32
	inside atomic.Int32
	closed atomic.Bool
}

func (k *scorers) make(s *model.Snapshot) (Scores, error) {
	m, err := model.Open(s.Layout)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open++
	return &scored{of: k, model: m, params: s.Params}, err
}

func (s *scored) Batch(histories [][]int, dst [][]float32) error {
	k := s.of
	if s.inside.Add(1) != 1 || s.closed.Load() {
		k.t.Error("a backend is called twice at once, or after it was closed")
	}
	defer s.inside.Add(-1)
	k.mu.Lock()
	call := len(k.batches)
	k.batches = append(k.batches, len(histories))
	k.mu.Unlock()
	for i, h := range histories {
		var past []model.Example
		for _, row := range h {
			past = append(past, model.Example{Item: row})
		}
		one, err := s.model.Scorer(s.params, past)
		if err != nil {
			return err
		}
		one.Scores(dst[i])
	}
	if k.spoil != nil {
		return k.spoil(call, dst)
	}
	return nil
}

func (s *scored) Close() error {
	if s.inside.Load() != 0 || s.closed.Swap(true) {
		s.of.t.Error("a backend is closed twice, or while it is called")
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.closed++
	return nil
}

// ncfWorld serves version 3 of an NCF with scores from open.
func ncfWorld(t *testing.T, open OpenScores) (*world, *bytes.Buffer) {
	t.Helper()
	w, log := newWorld(t), new(bytes.Buffer)
	var err error
	w.service, err = New(Config{Models: w.folder, Key: w.key.Public().(ed25519.PublicKey), Catalogue: w.titles, Scores: open,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	w.swap(model.NCFFamily, 3)
	return w, log
}

func (w *world) swap(family string, version uint64) {
	w.t.Helper()
	s, n := w.release(family, version)
	if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
		w.t.Error(err)
	}
}

// slates is what a service answers to n queries, one after another.
func (w *world) slates(n int) []Slate {
	w.t.Helper()
	out := make([]Slate, n)
	for i := range out {
		out[i] = w.slateOf(i)
	}
	return out
}

// slateOf is the answer to a query that changes with i.
func (w *world) slateOf(i int) Slate {
	s, err := w.service.Recommend(Query{Seeds: w.titles.IDs()[i : i+1+i%4], N: 1 + i%9})
	if err != nil {
		w.t.Error(err)
	}
	return s
}

// TestSlatesDoNotDependOnWhoScores wants the same slates and a line in the log whatever goes wrong with the backend, and that it is closed
// then and not called again.
func TestSlatesDoNotDependOnWhoScores(t *testing.T) {
	const asked = 30
	plain, _ := ncfWorld(t, nil)
	want := plain.slates(asked)
	never := func([][]float32) error { return nil }
	for _, c := range []struct {
		name  string
		at    int // the call that goes wrong
		spoil func(dst [][]float32) error
		log   string
		calls int
	}{
		{"nothing goes wrong", 0, never, "", asked + 2}, // the trial, the answer of the trial
		{"lost", 9, func([][]float32) error { return errLost }, errLost.Error(), 10},
		{"lost from the start", 0, func([][]float32) error { return errLost }, errLost.Error(), 1},
		{"not a number", 5, func(dst [][]float32) error { dst[0][7] = float32(math.NaN()); return nil }, "title 7 has score NaN", 6},
		{"infinite", 5, func(dst [][]float32) error { dst[0][8] = float32(math.Inf(-1)); return nil }, "title 8 has score -Inf", 6},
		{"a short row", 5, func(dst [][]float32) error { dst[0] = dst[0][:59]; return nil }, "a row of 59 scores, the model has 60 titles", 6},
		{"a long row", 0, func(dst [][]float32) error { dst[0] = make([]float32, 61); return nil }, "a row of 61 scores", 1},
		{"no row", 5, func(dst [][]float32) error { dst[0] = nil; return nil }, "a row of 0 scores", 6},
		{"other scores", 0, func(dst [][]float32) error { dst[0][4] += 0.2; return nil }, "title 4 has score ", 1},
		{"scores as near as rounding", 0, func(dst [][]float32) error { dst[0][4] += 0.05; return nil }, "", asked + 2}, // the largest is 1000
	} {
		k := &scorers{t: t, spoil: func(call int, dst [][]float32) error {
			if call == c.at {
				return c.spoil(dst)
			}
			return nil
		}}
		w, log := ncfWorld(t, k.make)
		if diff := cmp.Diff(want, w.slates(asked)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		lines, closed := 1, 1
		if c.log == "" {
			lines, closed = 0, 0
		} else if !strings.Contains(log.String(), "the processor scores from now on") || !strings.Contains(log.String(), c.log) {
			t.Errorf("%s: the log is %q, want %q", c.name, log, c.log)
		}
		if strings.Count(log.String(), "\n") != lines || len(k.batches) != c.calls || k.closed != closed {
			t.Errorf("%s: %d calls, want %d, closed %d times; the log is %q", c.name, len(k.batches), c.calls, k.closed, log)
		}
	}
}

// TestAPlaceThatIsLeftOutIsSeen has a backend that gives no error and writes nothing.
func TestAPlaceThatIsLeftOutIsSeen(t *testing.T) {
	w, log := ncfWorld(t, func(*model.Snapshot) (Scores, error) { return mute{}, nil })
	plain, _ := ncfWorld(t, nil)
	if diff := cmp.Diff(plain.slates(5), w.slates(5)); diff != "" || !strings.Contains(log.String(), "title 0 has score NaN") {
		t.Errorf("%s; the log is %q", diff, log)
	}
}

type mute struct{}

func (mute) Batch([][]int, [][]float32) error { return nil }
func (mute) Close() error                     { return nil }

func TestScoresThatDoNotOpenAreTheProcessors(t *testing.T) {
	plain, _ := ncfWorld(t, nil)
	w, log := ncfWorld(t, func(*model.Snapshot) (Scores, error) { return nil, errLost })
	if diff := cmp.Diff(plain.slates(10), w.slates(10)); diff != "" {
		t.Error(diff)
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "does not score this model; the processor scores") || !strings.Contains(log.String(), errLost.Error()) {
		t.Errorf("the log is %q", log)
	}
}

// TestAUserVectorNeedsNoScores serves a family that has one.
func TestAUserVectorNeedsNoScores(t *testing.T) {
	k := &scorers{t: t}
	w, _ := ncfWorld(t, k.make)
	w.swap(model.TwoTowerFamily, 4)
	w.slates(5)
	if k.open != 1 || k.closed != 1 || len(k.batches) != 2 {
		t.Errorf("%d backends, %d closed, %d calls; want those of the NCF before", k.open, k.closed, len(k.batches))
	}
}

// TestThoseWhoWaitAreScoredTogether holds the first call up until all others wait, and lets the call for all of them succeed, fail, or
// give one of them nonsense.
func TestThoseWhoWaitAreScoredTogether(t *testing.T) {
	const n = 40
	plain, _ := ncfWorld(t, nil)
	want := plain.slates(n)
	for name, spoil := range map[string]func(dst [][]float32) error{
		"all is well": func([][]float32) error { return nil },
		"lost":        func([][]float32) error { return errLost },
		"nonsense":    func(dst [][]float32) error { dst[20][0] = float32(math.NaN()); return nil },
	} {
		gate := make(chan struct{})
		k := &scorers{t: t, spoil: func(call int, dst [][]float32) error {
			if call == 2 { // the first after the trial
				<-gate
			} else if call == 3 {
				return spoil(dst)
			}
			return nil
		}}
		w, _ := ncfWorld(t, k.make)
		got := make([]Slate, n)
		joined(&w.service.engine.Load().scored.queue, n, func() { close(gate) }, func(i int) { got[i] = w.slateOf(i) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff([]int{1, 1, 1, n - 1}, k.batches); diff != "" {
			t.Errorf("%s: people of each call: %s", name, diff)
		}
	}
}

// TestBothReleasesScoreDuringASwap holds a request up in the old release's backend, while the new one answers; the old one is closed when
// that request has left.
func TestBothReleasesScoreDuringASwap(t *testing.T) {
	inside, gate := make(chan struct{}), make(chan struct{})
	k := &scorers{t: t, spoil: func(call int, _ [][]float32) error {
		if call == 2 {
			close(inside)
			<-gate
		}
		return nil
	}}
	w, _ := ncfWorld(t, k.make)
	var wg sync.WaitGroup
	wg.Go(func() {
		if s := w.slateOf(1); s.Release.Version != 3 {
			t.Errorf("version %d, want the one that the request began with", s.Release.Version)
		}
	})
	<-inside
	w.swap(model.NCFFamily, 4)
	if s := w.slateOf(1); s.Release.Version != 4 || k.open != 2 || k.closed != 0 {
		t.Errorf("version %d, %d backends, %d closed", s.Release.Version, k.open, k.closed)
	}
	close(gate)
	wg.Wait()
	if k.closed != 1 {
		t.Errorf("%d closed after the last request left the old release", k.closed)
	}
	w.service.Close()
	if k.closed != 2 {
		t.Errorf("%d closed after the service was", k.closed)
	}
}

// TestScoresAreClosedWithTheirRelease asks while releases change, with a backend that fails now and then.
func TestScoresAreClosedWithTheirRelease(t *testing.T) {
	k := &scorers{t: t, spoil: func(call int, _ [][]float32) error {
		if call%17 == 16 {
			return errors.New("now and then")
		}
		return nil
	}}
	w, _ := ncfWorld(t, k.make)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for asker := range 4 {
		wg.Go(func() {
			for i := asker; ; i = (i + 1) % 50 {
				select {
				case <-done:
					return
				default:
					w.slateOf(i)
				}
			}
		})
	}
	const swaps = 12
	for v := range uint64(swaps) {
		w.swap(model.NCFFamily, v+4)
	}
	close(done)
	wg.Wait()
	w.service.Close()
	if k.open != swaps+1 || k.closed != k.open {
		t.Errorf("%d backends, %d closed; want one a release, each closed once", k.open, k.closed)
	}
}

// TestABackendWithoutRoomIsKept: the processor scores meanwhile, the log says it once, and later calls go to the backend again.
func TestABackendWithoutRoomIsKept(t *testing.T) {
	plain, _ := ncfWorld(t, nil)
	want := plain.slates(5)
	k := &scorers{t: t, spoil: func(call int, _ [][]float32) error {
		if call >= 2 && call < 4 {
			return fmt.Errorf("on the device: %w", rank.ErrRoom)
		}
		return nil
	}}
	w, log := ncfWorld(t, k.make)
	if diff := cmp.Diff(want, w.slates(5)); diff != "" {
		t.Error(diff)
	}
	if len(k.batches) != 5+2 || k.closed != 0 { // the trial, the answer of the trial
		t.Errorf("%d calls, closed %d times; want a call a request and two before, and the backend open", len(k.batches), k.closed)
	}
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "no room to score") {
		t.Errorf("the log says %q", said)
	}
}

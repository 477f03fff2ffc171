package serve

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/rank"
)

// backend makes finders that answer as the processor's does until fail says otherwise, and watches over how they are used.
type backend struct {
	t    testing.TB
	fail func(call int, b rank.Batch) error // nil: never; called before each answer, from 0

	mu           sync.Mutex
	calls        int
	batches      []int // queries of each call
	open, closed int
}

type watched struct {
	rank.Finder
	backend *backend
	dim     int
	inside  atomic.Int32
	closed  atomic.Bool
}

func (k *backend) make(t *rank.Table) (rank.Finder, error) {
	f, err := rank.NewFinder(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open++
	return &watched{Finder: f, backend: k, dim: t.Dim()}, err
}

func (w *watched) Find(b rank.Batch) ([][]rank.Item, error) {
	if w.inside.Add(1) != 1 || w.closed.Load() {
		w.backend.t.Error("a finder is called twice at once, or after it was closed")
	}
	defer w.inside.Add(-1)
	k := w.backend
	k.mu.Lock()
	call := k.calls
	k.calls++
	k.batches = append(k.batches, len(b.Queries)/w.dim)
	k.mu.Unlock()
	if k.fail != nil {
		if err := k.fail(call, b); err != nil {
			return nil, err
		}
	}
	return w.Finder.Find(b)
}

func (w *watched) Close() error {
	if w.inside.Load() != 0 || w.closed.Swap(true) {
		w.backend.t.Error("a finder is closed twice, or while it is called")
	}
	w.backend.mu.Lock()
	defer w.backend.mu.Unlock()
	w.backend.closed++
	return nil
}

func testTable(t testing.TB, titles, dim int) *rank.Table {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	numbers := make([]float32, titles*(dim+1))
	for i := range numbers {
		numbers[i] = float32(rng.NormFloat64())
	}
	table, err := rank.NewTable(numbers[titles:], numbers[:titles], dim)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func vectorOf(i int) []float32 { return []float32{float32(i%7) - 3, float32(i%5) - 2, 1} }

// queryOf is a query of a kind that changes with i: its own n, seen titles, and one of two masks or none.
func queryOf(i int, masks [2]rank.Mask) rank.Query {
	q := rank.Query{N: 1 + i%9}
	if i%3 > 0 {
		q.Barred = masks[i%2]
	}
	for s := range i % 4 {
		q.Seen = append(q.Seen, (i*31+s*17)%500)
	}
	return q
}

func testMasks() (masks [2]rank.Mask) {
	for i := range masks {
		masks[i] = make(rank.Mask, rank.MaskWords(500))
		for w := range masks[i] {
			masks[i][w] = 0x0123456789abcdef << (20 * i)
		}
	}
	return masks
}

func newDesk(t *testing.T, open rank.Open, log *bytes.Buffer) *desk {
	t.Helper()
	d, err := openDesk("test", testTable(t, 500, 3), Config{Finder: open, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// alone is what the processor answers to each query on its own.
func alone(t *testing.T, n int) [][]rank.Item {
	t.Helper()
	d, out := newDesk(t, nil, new(bytes.Buffer)), make([][]rank.Item, n)
	for i := range out {
		var err error
		if out[i], err = d.find(vectorOf(i), queryOf(i, testMasks())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// together asks n queries while the desk's first call is held up, lets it go when all of them wait, and gives the lists.
func together(t *testing.T, d *desk, n int, release func()) (lists [][]rank.Item, errs []error) {
	t.Helper()
	lists, errs = make([][]rank.Item, n), make([]error, n)
	masks := testMasks()
	joined(&d.queue, n, release, func(i int) {
		defer func() {
			if r := recover(); r != nil {
				errs[i] = r.(error)
			}
		}()
		lists[i], errs[i] = d.find(vectorOf(i), queryOf(i, masks))
	})
	return lists, errs
}

// joined asks n times at once, lets the first call of a queue go when all others wait, and returns when all are answered.
func joined[T any](q *queue[T], n int, release func(), ask func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { ask(i) })
	}
	for {
		q.mu.Lock()
		waiting := len(q.waiting)
		q.mu.Unlock()
		if waiting == n-1 {
			break
		}
		runtime.Gosched()
	}
	release()
	wg.Wait()
}

// held is a failure function that holds the first call until it is released.
func held(then func(call int) error) (fail func(int, rank.Batch) error, release func()) {
	gate := make(chan struct{})
	return func(call int, _ rank.Batch) error {
		if call == 0 {
			<-gate
		}
		return then(call)
	}, func() { close(gate) }
}

func never(int) error { return nil }

// TestThoseWhoWaitAreAnsweredTogether wants one call for all who came during the first, and each list as if it were asked alone.
func TestThoseWhoWaitAreAnsweredTogether(t *testing.T) {
	const n = 60
	k := &backend{t: t}
	var release func()
	k.fail, release = held(never)
	lists, errs := together(t, newDesk(t, k.make, new(bytes.Buffer)), n, release)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone(t, n), lists); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, n - 1}, k.batches); diff != "" {
		t.Errorf("queries of each call: %s", diff)
	}
}

// TestACallTakesNotTooMany has more waiting than one call may take.
func TestACallTakesNotTooMany(t *testing.T) {
	const n = 2*mostJoined + 10
	k := &backend{t: t}
	var release func()
	k.fail, release = held(never)
	_, errs := together(t, newDesk(t, k.make, new(bytes.Buffer)), n, release)
	if diff := cmp.Diff([]int{1, mostJoined, mostJoined, 9}, k.batches); diff != "" || errors.Join(errs...) != nil {
		t.Errorf("%v; queries of each call: %s", errors.Join(errs...), diff)
	}
}

var errLost = errors.New("the GPU is lost")

// TestAFailingFinderIsReplaced lets a finder fail at some call: all lists are those of the processor, one line says what happened, and
// the finder is closed and not called again.
func TestAFailingFinderIsReplaced(t *testing.T) {
	const n = 40
	want := alone(t, n)
	for _, at := range []int{0, 1} {
		var log bytes.Buffer
		k := &backend{t: t}
		var release func()
		k.fail, release = held(func(call int) error {
			if call >= at {
				return errLost
			}
			return nil
		})
		d := newDesk(t, k.make, &log)
		for range 2 {
			lists, errs := make([][]rank.Item, n), make([]error, n)
			if release != nil {
				lists, errs = together(t, d, n, release)
				release = nil
			} else {
				for i := range n {
					lists[i], errs[i] = d.find(vectorOf(i), queryOf(i, testMasks()))
				}
			}
			if diff := cmp.Diff(want, lists); diff != "" || errors.Join(errs...) != nil {
				t.Fatalf("failing at call %d: %v %s", at, errors.Join(errs...), diff)
			}
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "the processor answers from now on") || !strings.Contains(log.String(), errLost.Error()) {
			t.Errorf("failing at call %d, the log is %q", at, log.String())
		}
		if k.calls != at+1 || k.closed != 1 {
			t.Errorf("failing at call %d: %d calls, closed %d times", at, k.calls, k.closed)
		}
	}
}

// TestAFinderWithoutRoomIsAskedAgain has no room for some calls in a row: the processor answers those, one line says so for each row,
// and the finder answers the others. Then it fails for good.
func TestAFinderWithoutRoomIsAskedAgain(t *testing.T) {
	const n = 10
	want := alone(t, n)
	var log bytes.Buffer
	k := &backend{t: t, fail: func(call int, _ rank.Batch) error {
		switch call {
		case 1, 2, 3, 5:
			return fmt.Errorf("on the device: %w", rank.ErrRoom)
		case 7:
			return errLost
		}
		return nil
	}}
	d := newDesk(t, k.make, &log)
	lines := []int{0, 1, 1, 1, 1, 2, 2, 3, 3, 3} // in the log after each request
	for i := range n {
		got, err := d.find(vectorOf(i), queryOf(i, testMasks()))
		if diff := cmp.Diff(want[i], got); err != nil || diff != "" {
			t.Fatalf("request %d: %v %s", i, err, diff)
		}
		if got := strings.Count(log.String(), "\n"); got != lines[i] {
			t.Fatalf("after request %d the log has %d lines, want %d: %q", i, got, lines[i], log.String())
		}
	}
	if said := log.String(); strings.Count(said, "level=WARN") != 2 || strings.Count(said, "a finder has no room; the processor answers until it has") != 2 || strings.Count(said, "the processor answers from now on") != 1 {
		t.Errorf("the log is %q", said)
	}
	if k.calls != 8 || k.open != 1 || k.closed != 1 {
		t.Errorf("%d calls, opened %d times, closed %d times", k.calls, k.open, k.closed)
	}
	d.close()
	if k.closed != 1 || d.processor != nil {
		t.Errorf("after closing the desk, the finder was closed %d times, the processor's is open: %v", k.closed, d.processor != nil)
	}
}

// TestAFinderThatDoesNotOpenIsReplaced does the same where there is none from the start.
func TestAFinderThatDoesNotOpenIsReplaced(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, func(*rank.Table) (rank.Finder, error) { return nil, errLost }, &log)
	for i, want := range alone(t, 10) {
		got, err := d.find(vectorOf(i), queryOf(i, testMasks()))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "does not open; the processor answers") || !strings.Contains(log.String(), errLost.Error()) {
		t.Errorf("the log is %q", log.String())
	}
}

// liar gives the lists it is made of, whatever is asked.
type liar struct{ lists [][]rank.Item }

func (l liar) Find(rank.Batch) ([][]rank.Item, error) { return l.lists, nil }
func (liar) Close() error                             { return nil }

func TestAFinderThatGivesNonsenseIsReplaced(t *testing.T) {
	for _, c := range []struct {
		lists [][]rank.Item
		err   string
	}{
		{nil, "0 lists for 1 queries"},
		{[][]rank.Item{{{Index: 500}}}, "row 500 of 500 titles"},
		{[][]rank.Item{{{Index: -1}}}, "row -1 of 500"},
		{[][]rank.Item{make([]rank.Item, 5)}, "a list of 5 titles, want at most 4"},
	} {
		var log bytes.Buffer
		d := newDesk(t, func(*rank.Table) (rank.Finder, error) { return liar{c.lists}, nil }, &log)
		got, err := d.find(vectorOf(3), queryOf(3, testMasks()))
		if diff := cmp.Diff(alone(t, 4)[3], got); err != nil || diff != "" || !strings.Contains(log.String(), c.err) {
			t.Errorf("%v %s; the log is %q, want %q", err, diff, log.String(), c.err)
		}
	}
}

// TestAPanicHoldsUpNobody lets the first call panic, and the second, which is for all who waited.
func TestAPanicHoldsUpNobody(t *testing.T) {
	k := &backend{t: t}
	var release func()
	k.fail, release = held(func(call int) error {
		if call < 2 {
			panic(errLost)
		}
		return nil
	})
	d := newDesk(t, k.make, new(bytes.Buffer))
	_, errs := together(t, d, 20, release)
	panics := 0
	for _, err := range errs {
		if errors.Is(err, errLost) {
			panics++
		} else if !errors.Is(err, errUnanswered) {
			t.Errorf("error %v", err)
		}
	}
	if panics != 2 {
		t.Errorf("%d of the callers see a panic, want the two that called", panics)
	}
	got, err := d.find(vectorOf(5), queryOf(5, testMasks()))
	if diff := cmp.Diff(alone(t, 6)[5], got); err != nil || diff != "" {
		t.Errorf("afterwards: %v %s", err, diff)
	}
}

// TestOneBadRequestFailsAlone asks for what cannot be answered beside others.
func TestOneBadRequestFailsAlone(t *testing.T) {
	k := &backend{t: t}
	d := newDesk(t, k.make, new(bytes.Buffer))
	inf := vectorOf(1)
	inf[0] /= 0 * inf[1]
	for _, c := range []struct {
		vector []float32
		q      rank.Query
		err    string
	}{
		{inf, rank.Query{N: 1}, "not a finite number"},
		{vectorOf(1)[:2], rank.Query{N: 1}, "queries of width 3"},
		{append(vectorOf(1), vectorOf(2)...), rank.Query{N: 1}, "a vector of 6 numbers, want 3"},
		{vectorOf(1), rank.Query{N: 0}, "n is 0"},
		{vectorOf(1), rank.Query{N: 1, Seen: []int{500}}, "row 500"},
		{vectorOf(1), rank.Query{N: 1, Barred: make(rank.Mask, 1)}, "the mask has 1 words"},
	} {
		if _, err := d.find(c.vector, c.q); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("error %v, want %q", err, c.err)
		}
	}
	if k.calls != 0 {
		t.Errorf("the finder was called %d times", k.calls)
	}
}

// TestFindersAreClosedWithTheirRelease asks while releases change: a finder is closed once, when nobody uses it, and none is left open
// when the service closes.
func TestFindersAreClosedWithTheirRelease(t *testing.T) {
	w, k := newWorld(t), &backend{t: t}
	var err error
	if w.service, err = New(Config{Models: w.folder, Key: w.key.Public().(ed25519.PublicKey), Catalogue: w.titles, Finder: k.make}); err != nil {
		t.Fatal(err)
	}
	const swaps = 12
	swap := func(version uint64) {
		s, n := w.release(model.TwoTowerFamily, version)
		if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
			t.Error(err)
		}
	}
	swap(1)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := w.service.Recommend(Query{Seeds: []string{w.titles.At(50).ID}, Kind: catalog.Film, N: 3}); err != nil {
					t.Error(err)
				}
				if _, err := w.service.Similar(w.titles.At(50).ID, 3, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for v := range uint64(swaps) {
		swap(v + 2)
	}
	close(done)
	wg.Wait()
	if k.open != 2*(swaps+1) || k.closed != 2*swaps {
		t.Errorf("%d finders, %d closed; want two a release, all but the last two closed", k.open, k.closed)
	}
	w.service.Close()
	if k.closed != k.open {
		t.Errorf("%d finders, %d closed after the service was", k.open, k.closed)
	}
	if _, err := w.service.Recommend(Query{Seeds: []string{w.titles.At(50).ID}}); !errors.Is(err, ErrNoModel) {
		t.Errorf("a closed service: %v", err)
	}
}

// TestARefusedReleaseClosesItsFinders loads a model whose trial fails.
func TestARefusedReleaseClosesItsFinders(t *testing.T) {
	w, k := newWorld(t), &backend{t: t}
	w.service.cfg.Finder = k.make
	s := w.snapshot(model.TwoTowerFamily, 4)
	for i := range s.Params {
		s.Params[i] = 1e38
	}
	snapshot, n := w.releaseOf(s, 4)
	if err := w.service.Swap(ctx, snapshot, n.Encode()); err == nil || k.open != 2 || k.closed != 2 {
		t.Errorf("error %v, %d finders, %d closed", err, k.open, k.closed)
	}
}

// TestSlatesDoNotDependOnTheFinder compares slates of a service whose finder fails in between with those of one that has none.
func TestSlatesDoNotDependOnTheFinder(t *testing.T) {
	plain, other := newWorld(t), newWorld(t)
	k := &backend{t: t, fail: func(call int, _ rank.Batch) error {
		if call == 30 {
			return errLost
		}
		return nil
	}}
	other.service.cfg.Finder = k.make
	for _, w := range []*world{plain, other} {
		s, n := w.release(model.TwoTowerFamily, 3)
		if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		q := Query{Seeds: plain.titles.IDs()[i : i+1], N: 1 + i, Kind: catalog.Kind(i % 3)}
		want, err := plain.service.Recommend(q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := other.service.Recommend(q)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("query %d: %v %s", i, err, diff)
		}
	}
	if k.calls != 31 {
		t.Errorf("the finder was called %d times, want up to its failure", k.calls)
	}
}

// keeper notes what a ranker gets, and turns it around.
type keeper struct{ pools []int }

func (k *keeper) Rank(_ rank.Query, pool []rank.Item) []rank.Item {
	k.pools = append(k.pools, len(pool))
	for i, j := 0, len(pool)-1; i < j; i, j = i+1, j-1 {
		pool[i], pool[j] = pool[j], pool[i]
	}
	return pool
}

// TestRankersGetTheirPool asks with pools that a finder gives, and with one that is larger than any list, which scores give.
func TestRankersGetTheirPool(t *testing.T) {
	for _, c := range []struct{ pool, n, want, first int }{{0, 5, 5, 4}, {20, 5, 20, 19}, {3, 5, 5, 4}, {rank.MaxN + 1, 5, 59, 58}} {
		w, k := newWorld(t), &keeper{}
		s, n := w.release(model.TwoTowerFamily, 3)
		if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
			t.Fatal(err)
		}
		q := Query{Seeds: []string{w.titles.At(9).ID}, N: 59}
		all, err := w.service.Recommend(q)
		if err != nil {
			t.Fatal(err)
		}
		w.service.cfg.Rankers, w.service.cfg.Pool = []rank.Ranker{k}, c.pool
		if err := w.service.Swap(ctx, s, n.Encode()); err != nil {
			t.Fatal(err)
		}
		k.pools, q.N = nil, c.n
		got, err := w.service.Recommend(q)
		if err != nil || len(got.Items) != c.n || got.Items[0].Title.ID != all.Items[c.first].Title.ID || !cmp.Equal(k.pools, []int{c.want}) {
			t.Errorf("pool %d: %v, %d titles, rankers got %v, want %d and place %d first", c.pool, err, len(got.Items), k.pools, c.want, c.first)
		}
	}
}

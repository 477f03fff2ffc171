package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/model"
)

// prepared is a demo whose folder is made and whose rounds have not begun.
func prepared(t *testing.T, devices, rounds int, drop float64) *show {
	t.Helper()
	return preparedWith(t, func(o *Options) { o.Devices, o.Rounds, o.Drop = devices, rounds, drop })
}

func preparedWith(t *testing.T, change func(*Options)) *show {
	t.Helper()
	o := asked(change)
	o.Dir, o.Stderr = filepath.Join(t.TempDir(), "demo"), io.Discard
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	s := newShow(o)
	t.Cleanup(s.close)
	if err := s.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *show) play(t *testing.T) *Report {
	t.Helper()
	if err := s.federate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := s.report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// liar is a coordinator that says something else of a round than what happened.
type liar struct {
	host
	about func(*coordinator.Event)
}

func (l liar) run(ctx context.Context, tell func(coordinator.Event)) error {
	return l.host.run(ctx, func(e coordinator.Event) {
		if e.Kind == "round" {
			l.about(&e)
		}
		tell(e)
	})
}

func TestDemoSeesThroughCoordinatorThatLiesAboutItsSum(t *testing.T) {
	for name, about := range map[string]func(*coordinator.Event){
		"another sum":        func(e *coordinator.Event) { e.Sum = e.Model },
		"a member is hidden": func(e *coordinator.Event) { e.Members = e.Members[1:] },
		"one too many":       func(e *coordinator.Event) { e.Members = append(e.Members, strings.Repeat("ab", 32)) },
		"no member":          func(e *coordinator.Event) { e.Members = nil },
	} {
		s := prepared(t, 3, 1, 0)
		s.host = liar{s.host, about}
		r := s.play(t)
		if err := r.Verdict(); len(r.Rounds) != 1 || r.Rounds[0].SumOK || err == nil || !strings.Contains(err.Error(), "the aggregate is not the sum") {
			t.Errorf("%s: rounds %+v, verdict %v", name, r.Rounds, err)
		}
	}
}

// TestHeaviestLossThatIsTakenEndsEveryRound: the loss passes through every phase, and never stops a round.
// TestPopularityIsAskedOnceBeforeTraining wants a round more, of a shorter vector, that the log and every sum's check cover like the others.
func TestPopularityIsAskedOnceBeforeTraining(t *testing.T) {
	s := preparedWith(t, func(o *Options) { o.Devices, o.Rounds, o.Drop, o.Popular = 4, 1, 0, true })
	r := s.play(t)
	if err := r.Verdict(); err != nil {
		t.Fatal(err)
	}
	if len(r.Rounds) != 2 || !r.Rounds[0].SumOK || !r.Rounds[1].SumOK {
		t.Fatalf("%+v, want two rounds whose sums are exact", r.Rounds)
	}
	if first, second := r.Rounds[0].BytesUp, r.Rounds[1].BytesUp; first >= second {
		t.Errorf("a device sent %d bytes to count titles and %d to train", first, second)
	}
}

func TestHeaviestLossThatIsTakenEndsEveryRound(t *testing.T) {
	r := prepared(t, 6, 4, 0.4).play(t)
	if err := r.Verdict(); err != nil || len(r.Rounds) != 4 {
		t.Fatalf("%d rounds, %v", len(r.Rounds), err)
	}
	in := map[string]int{}
	for _, v := range r.Rounds {
		if v.Outcome != "done" || v.Dropped != 2 {
			t.Errorf("%+v: want it done with two dropped", v)
		}
		for p, n := range v.DroppedIn {
			in[p] += n
		}
		for _, p := range phases() {
			if _, ok := v.Phases[p]; !ok {
				t.Errorf("round %d has no time in phase %s", v.Round, p)
			}
		}
	}
	if in["shares"] != 2 || in["inputs"] != 4 || in["unmask"] != 2 {
		t.Errorf("dropped in %v, want 2 in shares, 4 in inputs, 2 in unmask", in)
	}
}

func TestDemoWithoutPublishedRoundStillReports(t *testing.T) {
	s := prepared(t, 4, 2, 0)
	s.faults.share = 1 // against what was promised, everybody vanishes
	r := s.play(t)
	if len(r.Rounds) != 2 || r.Recommendations == nil || len(r.Recommendations) != 0 || !r.Audit.OK {
		t.Fatalf("%+v", r)
	}
	for _, v := range r.Rounds {
		if v.Outcome != "aborted" || v.Reason == "" || v.SumOK {
			t.Errorf("%+v: want it aborted with a reason", v)
		}
	}
	if err := r.Verdict(); err == nil || !strings.Contains(err.Error(), "no round was published (round 2: "+r.Rounds[1].Reason) {
		t.Errorf("verdict %v", err)
	}
}

// cut cancels as soon as something is written.
type cut struct{ cancel func() }

func (c cut) Write(b []byte) (int, error) { c.cancel(); return len(b), nil }

func TestDemoStoppedBeforeItsRoundsSaysWhatIsLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	ctx, cancel := context.WithCancel(t.Context())
	o := asked(func(o *Options) { o.Dir, o.Stderr = dir, cut{cancel} })
	_, err := Run(ctx, *o)
	if want := fmt.Sprintf("stopped before the first round; the folder %s is not whole: remove it", dir); err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
	s := newShow(o)
	if err := s.stopped(context.Canceled); err.Error() != "stopped before anything was made" {
		t.Error(err)
	}
	if err := s.stopped(io.ErrShortWrite); err != io.ErrShortWrite {
		t.Errorf("another error becomes %v", err)
	}
}

// moviesOf writes a data set of people who have watched this many titles each.
func moviesOf(t *testing.T, watched ...int) string {
	t.Helper()
	var ratings, movies strings.Builder
	for i, n := range watched {
		for j := range n {
			fmt.Fprintf(&ratings, "%d\t%d\t3\t%d\n", i+1, j+1, 1_000_000_000-j)
		}
	}
	for j := range slices.Max(watched) {
		fmt.Fprintf(&movies, "%d|Invented %d (2001)|01-Jan-2001||%s\n", j+1, j+1, strings.Repeat("|0", 19))
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"u.data": ratings.String(), "u.item": movies.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDataSetGivesItsFirstPeopleWithEnoughTitles(t *testing.T) {
	dir := moviesOf(t, 5, 4, 7, 6, 9)
	w, err := makeWorld(&Options{Data: dir, Devices: 3})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, p := range w.people {
		got = append(got, len(p.watches))
		if p.heldOut != w.titles[0].ID || !slices.IsSortedFunc(p.watches, func(a, b model.Watch) int { return int(a.At - b.At) }) {
			t.Errorf("%+v: the newest title is not the one held out, or the others are not in order", p)
		}
	}
	if !slices.Equal(got, []int{4, 6, 5}) {
		t.Errorf("people with %v titles, want 4, 6 and 5", got)
	}
}

func TestDataSetThatIsTooSmallSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		watched []int
		want    string
	}{
		{[]int{5, 5}, "2 of its people have watched 5 titles or more, and a round takes 3: name a larger data set"},
		{[]int{5, 5, 5, 4}, "has 3 people with at least 5 titles: ask for --devices 3 or fewer"},
	} {
		if _, err := makeWorld(&Options{Data: moviesOf(t, c.watched...), Devices: 4}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

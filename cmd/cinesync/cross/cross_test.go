package cross

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func small() Options {
	return Options{Size: Size{Films: 90, Series: 60, People: 150, Judged: 80}, Seed: 3, Rounds: 6}
}

func TestRunIsTheSameFromASeed(t *testing.T) {
	one, err := Run(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	two, err := Run(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, two); diff != "" {
		t.Error(diff)
	}
	for _, row := range one.Rows {
		noisy := row.Account != nil
		if noisy && (row.Epsilon == nil || !(*row.Epsilon > 0 && *row.Epsilon <= 8)) || !(row.HR10.Mean >= row.NDCG10.Mean && row.HR10.Mean <= 1) {
			t.Errorf("%+v", row)
		}
	}
	if b, err := json.Marshal(one); err != nil || len(b) == 0 {
		t.Error(err)
	}
}

// TestFilmsSayWhichSeries wants the trained model above popularity, random and its own start, by more than both intervals; and random at
// chance, which a list that holds the watched series or leaves candidates out would not be.
func TestFilmsSayWhichSeries(t *testing.T) {
	o := small()
	o.Size, o.Rounds = Size{Films: 150, Series: 100, People: 500, Judged: 300}, 40
	w, err := newWorld(o.Size, o.Seed)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]Row{}
	for _, row := range r.Rows {
		t.Logf("%-60s %.3f±%.3f %.3f±%.3f", row.Name, row.HR10.Mean, row.HR10.Half, row.NDCG10.Mean, row.NDCG10.Half)
		rows[row.Name] = row
	}
	learned := rows["one model, no noise"].HR10
	for _, name := range []string{"popularity of series", "content start, nothing learned", "random"} {
		if other := rows[name].HR10; learned.Mean-learned.Half <= other.Mean+other.Half {
			t.Errorf("the model has %v, %s %v", learned, name, other)
		}
	}
	var chance float64
	for _, v := range w.judged {
		chance += listLength / float64(len(w.series)-len(v.series)+1) / float64(len(w.judged))
	}
	if got := rows["random"].HR10; got.Mean < chance-1.5*got.Half || got.Mean > chance+1.5*got.Half {
		t.Errorf("random hits %v, chance is %.3f", got, chance)
	}
}

// TestSeriesOfTheJudgedReachNobody gives a scorer that looks for what it should not see.
func TestSeriesOfTheJudgedReachNobody(t *testing.T) {
	w, err := newWorld(small().Size, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.train) != small().Size.People {
		t.Errorf("%d train, want %d", len(w.train), small().Size.People)
	}
	isSeries := map[int]bool{}
	for _, row := range w.series {
		isSeries[row] = true
	}
	s := scorer(func(_ int, history []int, dst []float32) error {
		for _, row := range history {
			if isSeries[row] {
				t.Errorf("a series, row %d, is in the history that is scored", row)
			}
		}
		return nil // all alike: every tie counts against the scorer
	})
	if hr, _, err := w.measure(s); err != nil || hr.Mean != 0 {
		t.Errorf("equal scores hit %v (%v), want 0", hr, err)
	}
	both := 0
	for _, h := range w.train {
		kinds := [2]bool{}
		for _, row := range h {
			if isSeries[row] {
				kinds[1] = true
			} else {
				kinds[0] = true
			}
		}
		if kinds[0] && kinds[1] {
			both++
		}
	}
	if both < len(w.train)/2 {
		t.Errorf("only %d of %d who train watched both kinds", both, len(w.train))
	}
}

type scorer func(user int, history []int, dst []float32) error

func (s scorer) Scores(user int, history []int, dst []float32) error { return s(user, history, dst) }

func TestRunRefuses(t *testing.T) {
	for _, s := range []Size{{}, {Films: 90, Series: 0, People: 10, Judged: 10}, {Films: 90, Series: 60, People: 10}} {
		o := small()
		o.Size = s
		if _, err := Run(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

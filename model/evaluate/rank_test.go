package evaluate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/split"
)

// sorted ranks by known scores as one would with pencil and paper: it sorts, and counts who stands where.
type sorted struct{ scores [][]float32 }

func (s sorted) Rank(questions []Question) ([]Place, error) {
	var out []Place
	for _, q := range questions {
		v := s.scores[q.User]
		beats := func(i int) bool { return v[i] >= v[q.Held] || v[i] != v[i] || v[q.Held] != v[q.Held] }
		p := Place{List: []int{}, NotNumber: slices.ContainsFunc(v, func(x float32) bool { return x != x })}
		for _, i := range q.Uniform {
			p.Uniform += map[bool]int{true: 1}[beats(i)]
		}
		for _, i := range q.Matched {
			p.Matched += map[bool]int{true: 1}[beats(i)]
		}
		for i := range v {
			if i != q.Held && !slices.Contains(q.History, i) && beats(i) {
				p.Full++
			}
			if !slices.Contains(q.History, i) && v[i] > float32(math.Inf(-1)) {
				p.List = append(p.List, i)
			}
		}
		slices.SortStableFunc(p.List, func(a, b int) int { return cmp.Compare(v[b], v[a]) })
		p.List = p.List[:min(len(p.List), ListLength)]
		out = append(out, p)
	}
	return out, nil
}

// TestARankerGivesWhatScoresGive draws splits and scores with ties, infinities and what is not a number.
func TestARankerGivesWhatScoresGive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.IntRange(5, 40).Draw(t, "items")
		s := &split.Split{Train: split.Train{Items: items}}
		table := sorted{}
		score := rapid.SampledFrom([]float32{-2, -1, 0, 0.5, 1, 2, 3, nan, float32(math.Inf(1)), float32(math.Inf(-1))})
		for user := range rapid.IntRange(1, 40).Draw(t, "users") {
			order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
				for i := range items {
					if !yield(i) {
						return
					}
				}
			})).Draw(t, "order")
			watched := rapid.IntRange(0, items-3).Draw(t, "watched")
			s.Train.Histories = append(s.Train.Histories, order[:watched])
			s.Cases = append(s.Cases, split.Case{User: user, Item: order[watched], Negatives: order[watched+1 : watched+1+rapid.IntRange(1, items-watched-1).Draw(t, "negatives")]})
			table.scores = append(table.scores, rapid.SliceOfN(score, items, items).Draw(t, "scores"))
		}
		j, err := New(s, Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		want, err := j.Measure(scores(func(user int, _ []int, dst []float32) error { copy(dst, table.scores[user]); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		got, err := j.MeasureWith(table)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(Result{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// backend is a ranker that says what it is told to.
type backend struct {
	rank   func([]Question) ([]Place, error)
	closed *int
}

func (b backend) Rank(q []Question) ([]Place, error) { return b.rank(q) }
func (b backend) Close() error                       { *b.closed++; return nil }

func TestMeasureWithRefusesPlacesThatNoScoresGive(t *testing.T) {
	j := mustJudge(t, crowd(t, 130, 20, 12, 5))
	for _, one := range []struct {
		spoil func([]Place) []Place
		want  string
	}{
		{func(p []Place) []Place { return p[1:] }, "19 places for 20 cases"},
		{func(p []Place) []Place { p[3].Uniform = -1; return p }, "user 3: -1 titles before the held-out one (uniform), there are 99"},
		{func(p []Place) []Place { p[3].Matched = 100; return p }, "(matched), there are 99"},
		{func(p []Place) []Place { p[3].Full = 119; return p }, "(full), there are"},
		{func(p []Place) []Place { p[0].List = make([]int, 11); return p }, "a list of 11 titles"},
		{func(p []Place) []Place { p[0].List = []int{130}; return p }, "title 130 in a list"},
		{func(p []Place) []Place { p[19].List = []int{4, 129, 4}; return p }, "user 19: title 4 twice in a list"},
		{func(p []Place) []Place {
			p[7].List = []int{j.split.Train.Histories[j.split.Cases[7].User][3]}
			return p
		}, "is of the history"},
	} {
		_, err := j.MeasureWith(backend{rank: func(q []Question) ([]Place, error) { return one.spoil(make([]Place, len(q))), nil }})
		if err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("error %v, want %q", err, one.want)
		}
	}
}

// TestTheCPUMeasuresWhatABackendCannot fails a backend in every way and wants the CPU's figures and a line that says why.
func TestTheCPUMeasuresWhatABackendCannot(t *testing.T) {
	j, snap := mustJudge(t, crowd(t, 130, 20, 12, 5)), snapshot(t, model.TwoTowerFamily, 130)
	scorer, err := OfSnapshot(snap)
	if err != nil {
		t.Fatal(err)
	}
	want := mustMeasure(t, j, scorer)
	closed := 0
	for name, one := range map[string]struct {
		open func(*model.Snapshot) (Backend, error)
		told string
	}{
		"none":             {},
		"it does not open": {func(*model.Snapshot) (Backend, error) { return nil, errors.New("no room on the device") }, "the CPU measures instead: no room on the device"},
		"it is lost": {func(*model.Snapshot) (Backend, error) {
			return backend{func([]Question) ([]Place, error) { return nil, errors.New("lost the device") }, &closed}, nil
		}, "the CPU measures instead: evaluate: lost the device"},
		"it answers nonsense": {func(*model.Snapshot) (Backend, error) {
			return backend{func([]Question) ([]Place, error) { return make([]Place, 3), nil }, &closed}, nil
		}, "the CPU measures instead: evaluate: 3 places for 20 cases"},
		"it works": {func(s *model.Snapshot) (Backend, error) {
			return backend{byScores{scorer, 130}.Rank, &closed}, nil
		}, ""},
	} {
		var told []string
		got, err := Bench{Open: one.open, Told: func(err error) { told = append(told, err.Error()) }}.Measure(j, snap)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(Result{})); diff != "" {
			t.Errorf("%s: other figures:\n%s", name, diff)
		}
		if said := strings.Join(told, "; "); said != one.told {
			t.Errorf("%s: told %q, want %q", name, said, one.told)
		}
	}
	if closed != 3 {
		t.Errorf("%d of 3 backends were closed", closed)
	}
	small := snapshot(t, model.TwoTowerFamily, 129)
	opened := false
	_, err = Bench{Open: func(*model.Snapshot) (Backend, error) { opened = true; return nil, fmt.Errorf("unused") }}.Measure(j, small)
	if err == nil || opened || !strings.Contains(err.Error(), "the model has 129 titles, the split 130") {
		t.Errorf("a model of other titles: opened %v, error %v", opened, err)
	}
}

// twins is a snapshot in which the second half of the titles score as the first does.
func twins(t *testing.T, titles int) *model.Snapshot {
	s := snapshot(t, model.TwoTowerFamily, titles)
	for name, width := range map[string]int{"v": s.Layout.Dim, "b": 1} {
		at, n, ok := s.Layout.Offset(name)
		if !ok || n != titles*width {
			t.Fatalf("%d numbers of %s", n, name)
		}
		copy(s.Params[at+n/2:at+n], s.Params[at:at+n/2])
	}
	return s
}

// TestTheCPUMeasuresWhatABackendGetsWrong has a backend give places that could be, but that are not the model's.
func TestTheCPUMeasuresWhatABackendGetsWrong(t *testing.T) {
	const titles, people = 130, 40
	j, snap := mustJudge(t, crowd(t, titles, people, 12, 5)), twins(t, titles)
	scorer, err := OfSnapshot(snap)
	if err != nil {
		t.Fatal(err)
	}
	want, questions := mustMeasure(t, j, scorer), j.questions()
	for name, one := range map[string]struct {
		lie  func(*Place, Question)
		told string
	}{
		"all are found among uniform negatives": {func(p *Place, q Question) { p.Uniform = 0 }, "titles before the held-out one (uniform), the CPU's scores give "},
		"nobody is by popularity":               {func(p *Place, q Question) { p.Matched = len(q.Matched) }, "(matched)"},
		"all lead the catalogue":                {func(p *Place, _ Question) { p.Full = 0 }, "(full)"},
		"the worst leads a list":                {func(p *Place, _ Question) { slices.Reverse(p.List) }, "at place 1 of the list has score "},
		"a list ends early":                     {func(p *Place, _ Question) { p.List = p.List[:9] }, "a list of 9 titles, the CPU gives 10"},
		"a list lacks its best title":           {func(p *Place, q Question) { p.List = sit(lacking(t, scorer, titles, q, p.List[:2]), q).List }, "at place 1 of the list has score "},
		"scores are no numbers":                 {func(p *Place, _ Question) { p.NotNumber = true }, "some score is not a number: true, on the CPU false"},
		"the second half of the cases is as the first": {func(p *Place, q Question) {
			if i := slices.IndexFunc(questions, func(x Question) bool { return x.User == q.User }); i >= people/2 {
				first := questions[i-people/2]
				*p = sit(lacking(t, scorer, titles, first, nil), first)
				p.List = slices.DeleteFunc(p.List, func(item int) bool { return slices.Contains(q.History, item) })
			}
		}, "user "},
	} {
		t.Run(name, func(t *testing.T) {
			closed, told := 0, ""
			open := func(*model.Snapshot) (Backend, error) {
				return backend{func(q []Question) ([]Place, error) {
					places, err := byScores{scorer, titles}.Rank(q)
					for i := range places {
						one.lie(&places[i], q[i])
					}
					return places, err
				}, &closed}, nil
			}
			got, err := Bench{Open: open, Told: func(err error) { told += err.Error() }}.Measure(j, snap)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(Result{})); diff != "" {
				t.Errorf("other figures than the CPU's:\n%s", diff)
			}
			if !strings.HasPrefix(told, "the CPU measures instead: evaluate: the place of user ") || !strings.Contains(told, one.told) || closed != 1 {
				t.Errorf("told %q, want %q; closed %d times", told, one.told, closed)
			}
		})
	}
}

// lacking is a question's scores with the least one for some titles.
func lacking(t *testing.T, s Scorer, titles int, q Question, without []int) []float32 {
	t.Helper()
	out := make([]float32, titles)
	if err := s.Scores(q.User, q.History, out); err != nil {
		t.Fatal(err)
	}
	least := slices.Min(out)
	for _, i := range without {
		out[i] = least
	}
	return out
}

// TestABackendMayRoundOtherwise moves scores by a part of what is a near tie, up or down by title, and by more.
func TestABackendMayRoundOtherwise(t *testing.T) {
	const titles = 130
	j, snap := mustJudge(t, crowd(t, titles, 40, 12, 5)), twins(t, titles)
	scorer, err := OfSnapshot(snap)
	if err != nil {
		t.Fatal(err)
	}
	want := mustMeasure(t, j, scorer)
	for _, c := range []struct {
		part float64 // of nearTie times the largest score
		ok   bool
	}{{0.4, true}, {1e4, false}} {
		other := scores(func(user int, history []int, dst []float32) error {
			err := scorer.Scores(user, history, dst)
			largest := 1.0
			for _, v := range dst {
				largest = max(largest, math.Abs(float64(v)))
			}
			for i := range dst {
				dst[i] += float32(c.part * nearTie * largest * float64(i%7-3) / 3)
			}
			return err
		})
		closed, told := 0, error(nil)
		got, err := Bench{Open: func(*model.Snapshot) (Backend, error) { return backend{byScores{other, titles}.Rank, &closed}, nil },
			Told: func(err error) { told = err }}.Measure(j, snap)
		if err != nil {
			t.Fatal(err)
		}
		if same := gocmp.Equal(want, got, gocmp.AllowUnexported(Result{})); (told == nil) != c.ok || same == c.ok {
			t.Errorf("scores moved by %v of a near tie: told %v, the CPU's figures %v", c.part, told, same)
		}
	}
}

package client_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/model"
)

var families = []string{model.TwoTowerFamily, model.NCFFamily, model.SequentialFamily, model.HybridFamily}

// watched is a history of made-up titles.
type watched []model.Watch

func (w watched) Watches(context.Context) ([]model.Watch, error) { return w, nil }

type failing struct{ error }

func (f failing) Watches(context.Context) ([]model.Watch, error) { return nil, f.error }
func (f failing) Newest() ([]byte, error)                        { return nil, f.error }

type newest []byte

func (n newest) Newest() ([]byte, error) { return n, nil }

func seed() (uint64, uint64) { return 3, 4 }

func titles(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("made-up:%d", i)
	}
	return out
}

func history(items ...int) watched {
	var out watched
	for i, item := range items {
		out = append(out, model.Watch{Item: fmt.Sprintf("made-up:%d", item), At: int64(1000 + i)})
	}
	return out
}

func start(t *testing.T, family string) *model.Snapshot {
	t.Helper()
	features := make([][]float32, 20)
	for i := range features {
		features[i] = []float32{float32(i % 2), float32(i % 3), 1}
	}
	head := family == model.SequentialFamily || family == model.HybridFamily
	s, err := model.New(map[bool]string{false: family, true: model.TwoTowerFamily}[head], titles(20), features, 4)
	if err == nil && head {
		s, err = model.NewHead(family, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func local(t *testing.T, family string) []byte {
	t.Helper()
	l, err := model.DefaultLocal(family)
	if err != nil {
		t.Fatal(err)
	}
	return l.Append(nil)
}

// TestAnswerTravelsInTheRoundsSubspace wants the same training, sent in fewer words.
func TestAnswerTravelsInTheRoundsSubspace(t *testing.T) {
	for _, family := range families[:2] { // a head sends no item vectors
		s := start(t, family)
		c := client.New(history(1, 4, 7, 10, 13), nil, seed)
		full, err := model.ParseLocal(local(t, family))
		if err != nil {
			t.Fatal(err)
		}
		ranked := full
		ranked.Rank = 2
		answers := map[uint32][]float32{}
		for _, l := range []model.Local{full, ranked} {
			a, err := c.Answer(t.Context(), door.Task{Model: s.Encode(), Code: l.Append(nil)})
			if err != nil {
				t.Fatal(err)
			}
			answers[l.Rank] = a.Update.(participant.Floats)
		}
		u := ranked.Uplink(s.Layout, s.Hash())
		want := make([]float32, u.Words())
		u.Shrink(want, answers[0])
		if len(want) >= len(answers[0]) || !slices.Equal(answers[2], want) {
			t.Errorf("%s: the answer of %d words with rank 2 is not the form of the whole one of %d", family, len(answers[2]), len(answers[0]))
		}
	}
}

// TestAnswerCountsTitles wants the popularity question answered with the titles of the history, and with nothing of the model.
func TestAnswerCountsTitles(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily} {
		s := start(t, family)
		a, err := client.New(history(1, 4, 7, 10), nil, seed).Answer(t.Context(), door.Task{Model: s.Encode(), Code: model.Popularity().Append(nil)})
		if err != nil {
			t.Fatal(err)
		}
		want := make(participant.Floats, 20)
		for _, w := range []int{1, 4, 7, 10} {
			want[slices.Index(s.Layout.Items, titles(20)[w])] = 0.5
		}
		if diff := cmp.Diff(want, a.Update); diff != "" || a.LayoutHash != s.Layout.Hash() {
			t.Errorf("%s (-want +got):\n%s", family, diff)
		}
	}
}

func TestAnswerIsAnUpdateOnTheOfferedLayout(t *testing.T) {
	for _, family := range families {
		t.Run(family, func(t *testing.T) {
			s := start(t, family)
			c := client.New(history(1, 4, 7, 10, 13), nil, seed)
			task := door.Task{Model: s.Encode(), Code: local(t, family)}
			a, err := c.Answer(t.Context(), task)
			l, parseErr := model.ParseLocal(task.Code)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			if err != nil || a.LayoutHash != s.Layout.Hash() || a.Update.Len() != l.Words(s.Layout) {
				t.Fatalf("%d words, want %d: %v", a.Update.Len(), l.Words(s.Layout), err)
			}
			var norm float64
			for _, v := range a.Update.(participant.Floats) {
				norm += float64(v) * float64(v)
			}
			if !(norm > 0) || math.IsInf(norm, 0) {
				t.Errorf("the update's squares sum to %v", norm)
			}
			again, err := c.Answer(t.Context(), task)
			if err != nil || !cmp.Equal(a, again) {
				t.Errorf("the same seed gives another update (%v)", err)
			}
		})
	}
}

func TestAnswerSaysWhyThereIsNone(t *testing.T) {
	s := start(t, model.TwoTowerFamily)
	good := door.Task{Model: s.Encode(), Code: local(t, model.TwoTowerFamily)}
	broken := errors.New("the history cannot be read")
	ended, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx     context.Context
		history client.History
		task    door.Task
		is      error
		words   string
	}{
		"an empty history":        {t.Context(), history(), good, client.ErrNoHistory, "cinesyncd import"},
		"one title":               {t.Context(), history(1), good, client.ErrNoHistory, ""},
		"unknown titles":          {t.Context(), history(90, 91, 92), good, client.ErrNoHistory, ""},
		"an unreadable history":   {t.Context(), failing{broken}, good, broken, ""},
		"a damaged model":         {t.Context(), history(1, 2, 3), door.Task{Model: good.Model[:50], Code: good.Code}, nil, "offered model"},
		"an unknown function":     {t.Context(), history(1, 2, 3), door.Task{Model: good.Model, Code: []byte("x")}, nil, "offered local function"},
		"another family's":        {t.Context(), history(1, 2, 3), door.Task{Model: good.Model, Code: local(t, model.NCFFamily)}, nil, ""},
		"a program that is ended": {ended, history(1, 2, 3), good, context.Canceled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := client.New(c.history, nil, seed).Answer(c.ctx, c.task)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.words) || a.Update != nil {
				t.Errorf("%v, %v", a.Update, err)
			}
		})
	}
}

func TestRecommendationsAreWhatWasNotSeen(t *testing.T) {
	for _, family := range families {
		t.Run(family, func(t *testing.T) {
			c := client.New(history(1, 4, 7, 90), newest(start(t, family).Encode()), seed)
			list, err := c.Recommend(t.Context(), 100, "")
			if err != nil || len(list) != 17 {
				t.Fatalf("%d of 20 titles less 3 seen: %v", len(list), err)
			}
			seen := map[string]bool{"made-up:1": true, "made-up:4": true, "made-up:7": true}
			for i, r := range list {
				if seen[r.ID] || r.Rank != i+1 || i > 0 && r.Score > list[i-1].Score {
					t.Errorf("at %d: %+v", i, r)
				}
				seen[r.ID] = true
			}
			five, err := c.Recommend(t.Context(), 5, "")
			if err != nil || !cmp.Equal(five, list[:5]) {
				t.Errorf("the first five are others: %v", err)
			}
		})
	}
}

// TestRecommendationsOfOneKind plants films and series of the same numbers, and wants them told apart: by kind, and by who was watched.
func TestRecommendationsOfOneKind(t *testing.T) {
	items := []string{"tmdb:movie:1399", "tmdb:tv:1399", "tmdb:movie:1400", "tmdb:tv:1400", "imdb:tt0944947"}
	s, err := model.New(model.TwoTowerFamily, items, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	at, _, _ := s.Layout.Offset("v")
	copy(s.Params[at:], []float32{1, 0, 1, 0, 0, 1, 0, 1, -1, -1})
	c := client.New(watched{{Item: "tmdb:movie:1399", At: 1}}, newest(s.Encode()), seed)
	for kind, want := range map[string][]string{
		"":            {"tmdb:tv:1399", "tmdb:movie:1400", "tmdb:tv:1400", "imdb:tt0944947"},
		client.Film:   {"tmdb:movie:1400"},
		client.Series: {"tmdb:tv:1399", "tmdb:tv:1400"},
	} {
		list, err := c.Recommend(t.Context(), 10, kind)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.ID)
			if because := map[bool]string{true: "tmdb:movie:1399"}[r.ID == "tmdb:tv:1399"]; r.Because != because {
				t.Errorf("%s is listed because of %q, want %q", r.ID, r.Because, because)
			}
		}
		if !cmp.Equal(got, want) {
			t.Errorf("kind %q lists %v, want %v", kind, got, want)
		}
	}
}

func TestRecommendSaysWhatIsMissing(t *testing.T) {
	good := newest(start(t, model.TwoTowerFamily).Encode())
	for name, c := range map[string]struct {
		history client.History
		models  client.Newest
		is      error
	}{
		"no model":         {history(1), failing{fs.ErrNotExist}, client.ErrNoModel},
		"a failing disk":   {history(1), failing{fs.ErrPermission}, fs.ErrPermission},
		"an empty history": {history(), good, client.ErrNoHistory},
		"unknown titles":   {history(90), good, client.ErrNoHistory},
		"a damaged model":  {history(1), newest("x"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := client.New(c.history, c.models, seed).Recommend(t.Context(), 5, "")
			if err == nil || c.is != nil && !errors.Is(err, c.is) || list != nil || errors.Is(err, client.ErrNoModel) != (c.is == client.ErrNoModel) {
				t.Errorf("%d recommendations, %v", len(list), err)
			}
		})
	}
}

// TestDamagedModelIsToldOnce wants one line that does not contradict itself.
func TestDamagedModelIsToldOnce(t *testing.T) {
	m, dir := modelDir(t)
	if err := m.Promote(put(t, m, start(t, model.TwoTowerFamily).Encode())); err != nil {
		t.Fatal(err)
	}
	damage(t, dir)
	for i, want := range []string{"was damaged on disk and is removed; `cinesyncd run` downloads a whole one", client.ErrNoModel.Error()} {
		_, err := client.New(history(1, 4), m, seed).Recommend(t.Context(), 5, "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || errors.Is(err, client.ErrNoModel) != (i == 1) {
			t.Errorf("time %d: %v", i+1, err)
		}
	}
}

package split

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawn makes a random training set.
func drawn(t *rapid.T) Train {
	train := Train{Items: rapid.IntRange(20, 60).Draw(t, "items")}
	for range rapid.IntRange(1, 12).Draw(t, "users") {
		train.Histories = append(train.Histories, rapid.SliceOfNDistinct(rapid.IntRange(0, train.Items-1), 0, 10, rapid.ID[int]).Draw(t, "history"))
	}
	return train
}

// TestTrainingHoldsNothingHeldOut is the leak guard of the types: what a trainer is handed has no held-out title of the same
// user, not even behind the end of a slice.
func TestTrainingHoldsNothingHeldOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		s, err := HoldOut(all, 5, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			if !strings.Contains(err.Error(), "nothing to judge") {
				t.Fatal(err)
			}
			return
		}
		for _, c := range s.Cases {
			own, full := s.Train.Histories[c.User], all.Histories[c.User]
			if slices.Contains(own[:cap(own)], c.Item) {
				t.Fatalf("user %d: training %v reaches held-out item %d", c.User, own[:cap(own)], c.Item)
			}
			if c.Item != full[len(full)-1] || !slices.Equal(own, full[:len(full)-1]) {
				t.Fatalf("user %d: held out %d and kept %v of %v", c.User, c.Item, own, full)
			}
			if len(c.Negatives) != 5 {
				t.Fatalf("user %d: %d negatives", c.User, len(c.Negatives))
			}
			for _, item := range c.Negatives {
				if slices.Contains(full, item) {
					t.Fatalf("user %d: negative %d was watched", c.User, item)
				}
			}
		}
		if judged := len(s.Cases) + s.Notes.UsersNotJudged; judged != len(all.Histories) {
			t.Fatalf("%d users judged or noted, of %d", judged, len(all.Histories))
		}
	})
}

func TestOneSeedDrawsTheSameNegatives(t *testing.T) {
	all := Train{Items: 50, Histories: [][]int{{1, 2, 3}, {4, 5}}}
	draw := func(seed uint64) *Split {
		s, err := HoldOut(all, 10, seed)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if diff := cmp.Diff(draw(1), draw(1)); diff != "" {
		t.Errorf("one seed, two splits:\n%s", diff)
	}
	if cmp.Equal(draw(1), draw(2)) {
		t.Error("two seeds, one split")
	}
}

// TestNegativesFollowTheirLaw counts draws: uniform ones must not know popularity, the others must follow it.
func TestNegativesFollowTheirLaw(t *testing.T) {
	train := Train{Items: 12}
	for user := range 60 { // title i is watched by 5·i users, titles 0 and 1 by few
		var h []int
		for item := range 12 {
			if user < 5*item {
				h = append(h, item)
			}
		}
		train.Histories = append(train.Histories, h)
	}
	train.Histories = append(train.Histories, []int{11})
	c := Case{User: 60, Item: 10}
	popular := NewPopular(train)
	const draws = 4000
	var uniform, matched [12]float64
	for seed := range uint64(draws) {
		one, err := Uniform(train, c, 1, seed)
		if err != nil {
			t.Fatal(err)
		}
		two, err := popular.Draw(c, 1, seed)
		if err != nil {
			t.Fatal(err)
		}
		uniform[one[0]]++
		matched[two[0]]++
	}
	counts := train.Counts()
	total := 0
	for _, n := range counts[:10] {
		total += n
	}
	for item := range 10 {
		for _, law := range []struct {
			name      string
			got, want float64
		}{{"uniform", uniform[item], draws / 10.}, {"popular", matched[item], draws * float64(counts[item]) / float64(total)}} {
			if math.Abs(law.got-law.want) > 5*math.Sqrt(law.want)+0.5 {
				t.Errorf("%s: title %d drawn %v times, expected about %.0f", law.name, item, law.got, law.want)
			}
		}
	}
	if uniform[10]+uniform[11]+matched[10]+matched[11] != 0 {
		t.Error("a watched or held-out title was drawn")
	}
}

// TestPopularDrawsEndWhereTheyAreScarce takes all the titles that are left, also those that nobody watched.
func TestPopularDrawsEndWhereTheyAreScarce(t *testing.T) {
	train := Train{Items: 200, Histories: [][]int{{}, {}}}
	for item := range 100 {
		train.Histories[0] = append(train.Histories[0], item)
	}
	train.Histories[1] = append(train.Histories[1], 0, 1, 2, 150)
	got, err := NewPopular(train).Draw(Case{User: 0, Item: 199}, 99, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != 150 {
		t.Errorf("first drawn is %d, want 150, the one title that anybody else watched", got[0])
	}
	slices.Sort(got)
	for i, item := range got {
		if item != 100+i {
			t.Fatalf("drawn %v, want 100 to 198", got)
		}
	}
	if _, err := NewPopular(train).Draw(Case{User: 0, Item: 199}, 100, 3); err == nil || !strings.Contains(err.Error(), "has not watched 99 of 200") {
		t.Errorf("100 negatives of 99: %v", err)
	}
}

func TestCheckRefuses(t *testing.T) {
	good := func() *Split {
		return &Split{Train: Train{Items: 6, Histories: [][]int{{0, 1}, {2}}}, Cases: []Case{{0, 3, []int{4, 5}}, {1, 0, []int{3}}}}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*Split)
		want  string
	}{
		{"a held-out title in training", func(s *Split) { s.Cases[0].Item = 1 }, "held-out item 1 is in the same user's training"},
		{"an item outside", func(s *Split) { s.Train.Histories[1][0] = 6 }, "item 6 is outside the catalogue, 0 to 5"},
		{"a negative id", func(s *Split) { s.Cases[0].Negatives[0] = -1 }, "negative item -1 is outside"},
		{"a user outside", func(s *Split) { s.Cases[1].User = 2 }, "user 2 is outside 0 to 1"},
		{"a user twice", func(s *Split) { s.Cases[1].User = 0 }, "user 0 has two held-out titles"},
		{"a play twice", func(s *Split) { s.Train.Histories[0][1] = 0 }, "item 0 comes twice in one history"},
		{"a negative twice", func(s *Split) { s.Cases[0].Negatives[1] = 4 }, "negative 4 comes twice"},
		{"the held-out title as negative", func(s *Split) { s.Cases[0].Negatives[1] = 3 }, "negative 3 comes twice or is the held-out"},
		{"nobody judged", func(s *Split) { s.Cases = nil }, "nobody has a held-out title"},
		{"no catalogue", func(s *Split) { s.Train.Items = 1 }, "a catalogue of 1 titles"},
		{"too large a catalogue", func(s *Split) { s.Train.Items = MaxItems + 1 }, "a catalogue of 1048577 titles"},
	} {
		s := good()
		c.spoil(s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

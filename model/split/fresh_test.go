package split

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNewTitlesStayOutOfTraining: nobody's training holds a drawn title, not even behind the end of a slice, and nothing that came after
// what its person is judged by.
func TestNewTitlesStayOutOfTraining(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, seed, least := drawn(t), rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 3).Draw(t, "least")
		number := rapid.IntRange(1, 6).Draw(t, "new titles")
		isNew, err := all.drawTitles(number, seed)
		if err != nil {
			t.Skip(err)
		}
		s, err := HoldNew(all, number, least, 5, seed)
		if err != nil {
			if !strings.Contains(err.Error(), "nothing to judge") {
				t.Fatal(err)
			}
			return
		}
		judgedBy := map[int]int{}
		for _, c := range s.Cases {
			judgedBy[c.User] = c.Item + 1
			if !isNew[c.Item] || slices.ContainsFunc(c.Negatives, func(i int) bool { return i == c.Item }) || len(c.Negatives) != 5 {
				t.Fatalf("case %+v", c)
			}
		}
		user := 0
		var kept [][]int // whole histories of those who train
		for _, h := range all.Histories {
			want, item := h, 0
			if at := lastNew(h, isNew); at >= 0 && old(h[:at], isNew) >= max(1, least) {
				want, item = h[:at], h[at]+1
			}
			if old(want, isNew) < max(1, least) {
				continue
			}
			got := s.Train.Histories[user]
			if len(got) != old(want, isNew) || judgedBy[user] != item {
				t.Fatalf("of %v, new ones among them, %v is trained on, and title %d judges", h, got, judgedBy[user]-1)
			}
			for _, i := range got[:cap(got)] {
				if isNew[i] || !slices.Contains(want, i) {
					t.Fatalf("title %d of %v is trained on", i, h)
				}
			}
			kept = append(kept, h)
			user++
		}
		if user != len(s.Train.Histories) || s.Notes.NewTitles != len(s.Cases) || s.Notes.UsersNotJudged != user-len(s.Cases) {
			t.Fatalf("%d people, %d in training, notes %+v of %d cases", user, len(s.Train.Histories), s.Notes, len(s.Cases))
		}
		for _, c := range s.Cases {
			if slices.ContainsFunc(c.Negatives, func(i int) bool { return slices.Contains(kept[c.User], i) }) {
				t.Fatalf("a negative of %v was watched in %v", c, kept[c.User])
			}
		}
	})
}

func lastNew(h []int, isNew []bool) int {
	for at := len(h) - 1; at >= 0; at-- {
		if isNew[h[at]] {
			return at
		}
	}
	return -1
}

// old counts the titles of a history that are not new.
func old(h []int, isNew []bool) int {
	n := 0
	for _, i := range h {
		if !isNew[i] {
			n++
		}
	}
	return n
}

func TestOneSeedDrawsTheSameNewTitles(t *testing.T) {
	all := Train{Items: 40, Histories: [][]int{{1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}, {1, 3, 5, 7, 9, 11}}}
	draw := func(seed uint64) string {
		s, err := HoldNew(all, 3, 1, 10, seed)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.Train, s.Cases)
	}
	one := draw(1)
	if again := draw(1); again != one || draw(2) == one {
		t.Error("the seed does not decide")
	}
	for _, n := range []int{0, 5, 1000} {
		if _, err := HoldNew(all, n, 1, 10, 1); err == nil || !strings.Contains(err.Error(), "half of them") {
			t.Errorf("%d new titles of 9: %v", n, err)
		}
	}
}

package split

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Held is a line of a test file: the title held out from a user.
type Held struct{ User, Item int }

// Plays are what a training file holds.
type Plays struct {
	Histories [][]int // by user, oldest first, each title once
	Repeated  int     // plays of a title that the same user had before
}

// play is a training line; at decides the order where the file has times.
type play struct {
	item int
	at   int64
}

// ReadTrain reads a training file: lines `user<TAB>item` in time order, or `user<TAB>item<TAB>rating<TAB>time` in any order,
// all of one kind, ids from 0.
func ReadTrain(r io.Reader) (*Plays, error) {
	var users [][]play
	columns := 0
	err := lines(r, "train file", MaxPlays, func(n int, line string) error {
		fields := strings.Split(line, "\t")
		if columns == 0 {
			columns = len(fields)
		}
		if len(fields) != columns || columns != 2 && columns != 4 {
			return fmt.Errorf("%d fields parted by tabs, want user item (or user item rating time) in every line", len(fields))
		}
		h, at, err := pair(fields)
		if err != nil {
			return err
		}
		for len(users) <= h.User {
			users = append(users, nil)
		}
		users[h.User] = append(users[h.User], play{h.Item, at})
		return nil
	})
	if err != nil {
		return nil, err
	}
	p := &Plays{Histories: make([][]int, len(users))}
	for user, list := range users {
		slices.SortStableFunc(list, func(a, b play) int { return cmp.Compare(a.at, b.at) })
		p.Histories[user] = p.once(list)
	}
	return p, nil
}

// once keeps the first play of each title.
func (p *Plays) once(list []play) []int {
	seen := make(map[int]bool, len(list))
	var out []int
	for _, one := range list {
		if seen[one.item] {
			p.Repeated++
			continue
		}
		seen[one.item] = true
		out = append(out, one.item)
	}
	return out
}

// pair reads user and item, and where there are four fields checks the rating and reads the time.
func pair(fields []string) (Held, int64, error) {
	user, err := userID(fields[0])
	if err != nil {
		return Held{}, 0, err
	}
	item, err := itemID("item", fields[1])
	if err != nil || len(fields) == 2 {
		return Held{user, item}, 0, err
	}
	if rating, err := strconv.ParseFloat(fields[2], 64); err != nil || math.IsNaN(rating) || math.IsInf(rating, 0) {
		return Held{}, 0, fmt.Errorf("rating is %q: want a finite number", cut(fields[2]))
	}
	at, err := number("time", fields[3], math.MaxInt64/16)
	return Held{user, item}, at, err
}

// ReadTest reads a test file: lines `user<TAB>item<TAB>rating<TAB>time`, one a user, ids from 0.
func ReadTest(r io.Reader) ([]Held, error) {
	var out []Held
	lineOf := map[int]int{}
	err := lines(r, "test file", MaxUsers, func(n int, line string) error {
		fields := strings.Split(line, "\t")
		if len(fields) != 4 {
			return fmt.Errorf("%d fields parted by tabs, want user item rating time", len(fields))
		}
		h, _, err := pair(fields)
		if err != nil {
			return err
		}
		if before := lineOf[h.User]; before > 0 {
			return fmt.Errorf("user is %d, as in line %d: want one held-out title a user", h.User, before)
		}
		lineOf[h.User] = n
		out = append(out, h)
		return nil
	})
	return out, err
}

// ReadNegatives reads a file of negatives: lines `(user,item)<TAB>negative<TAB>…`, one a user, ids from 0. Repeated negatives
// stay repeated; Join counts them.
func ReadNegatives(r io.Reader) ([]Case, error) {
	var out []Case
	lineOf := map[int]int{}
	err := lines(r, "negatives file", MaxUsers, func(n int, line string) error {
		key, rest, ok := strings.Cut(line, "\t")
		if !ok {
			return fmt.Errorf("there is no negative behind %q", cut(key))
		}
		c, err := parseKey(key)
		if err != nil {
			return err
		}
		if before := lineOf[c.User]; before > 0 {
			return fmt.Errorf("user is %d, as in line %d: want one line a user", c.User, before)
		}
		lineOf[c.User] = n
		if count := strings.Count(rest, "\t") + 1; count > MaxNegatives {
			return fmt.Errorf("%d negatives, want %d at most", count, MaxNegatives)
		}
		for i, text := range strings.Split(rest, "\t") {
			item, err := itemID(fmt.Sprintf("negative %d", i+1), text)
			if err != nil {
				return err
			}
			c.Negatives = append(c.Negatives, item)
		}
		out = append(out, c)
		return nil
	})
	return out, err
}

// parseKey reads `(user,item)`.
func parseKey(key string) (Case, error) {
	inner, ok := strings.CutPrefix(key, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	first, second, comma := strings.Cut(inner, ",")
	if !ok || !closed || !comma {
		return Case{}, fmt.Errorf("the first field is %q: want (user,item)", cut(key))
	}
	user, err := userID(first)
	if err != nil {
		return Case{}, err
	}
	item, err := itemID("item", second)
	return Case{User: user, Item: item}, err
}

package split

import "fmt"

// Join makes a split of what the three files hold. Without negatives it draws n for each user from the seed; else these must
// name the users and held-out titles of the test file. items is the size of the catalogue, 0 for one more than the largest id
// of all files.
func Join(train *Plays, test []Held, negatives []Case, items, n int, seed uint64) (*Split, error) {
	largest := largestItem(train, test, negatives)
	if items == 0 {
		items = max(2, largest+1)
	}
	if largest >= items {
		return nil, fmt.Errorf("item %d is outside the catalogue of %d titles", largest, items)
	}
	s := &Split{Train: Train{Items: items, Histories: train.Histories}}
	s.Notes.RepeatedPlays = train.Repeated
	users := len(train.Histories)
	for _, h := range test {
		users = max(users, h.User+1)
	}
	s.Train.Histories = append(train.Histories[:len(train.Histories):len(train.Histories)], make([][]int, users-len(train.Histories))...)
	for _, h := range test {
		s.Cases = append(s.Cases, Case{User: h.User, Item: h.Item})
	}
	var err error
	if negatives == nil {
		err = s.drawUniform(n, seed)
	} else {
		err = s.give(negatives)
	}
	if err != nil {
		return nil, err
	}
	s.note()
	return s, s.Check()
}

func largestItem(train *Plays, test []Held, negatives []Case) int {
	largest := 0
	for _, h := range train.Histories {
		for _, item := range h {
			largest = max(largest, item)
		}
	}
	for _, h := range test {
		largest = max(largest, h.Item)
	}
	for _, c := range negatives {
		largest = max(largest, c.Item)
		for _, item := range c.Negatives {
			largest = max(largest, item)
		}
	}
	return largest
}

// give hands the read negatives to the cases.
func (s *Split) give(negatives []Case) error {
	byUser := make(map[int]Case, len(negatives))
	for _, c := range negatives {
		byUser[c.User] = c
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		given, ok := byUser[c.User]
		switch {
		case !ok:
			return fmt.Errorf("negatives file: user %d of the test file has no line", c.User)
		case given.Item != c.Item:
			return fmt.Errorf("negatives file: user %d has held-out item %d, the test file says %d", c.User, given.Item, c.Item)
		}
		delete(byUser, c.User)
		own := map[int]bool{}
		for _, item := range s.Train.Histories[c.User] {
			own[item] = true
		}
		s.take(c, given.Negatives, own)
		if len(c.Negatives) == 0 {
			return fmt.Errorf("negatives file: user %d has no negative but the held-out title", c.User)
		}
	}
	for _, c := range negatives {
		if _, left := byUser[c.User]; left {
			return fmt.Errorf("negatives file: user %d is not in the test file", c.User)
		}
	}
	return nil
}

// take keeps each negative once, and counts what was odd.
func (s *Split) take(c *Case, given []int, own map[int]bool) {
	seen := map[int]bool{}
	for _, item := range given {
		switch {
		case item == c.Item:
			s.Notes.HeldOutNegatives++
			continue
		case seen[item]:
			s.Notes.RepeatedNegatives++
			continue
		case own[item]:
			s.Notes.WatchedNegatives++
		}
		seen[item] = true
		c.Negatives = append(c.Negatives, item)
	}
}

func (s *Split) note() {
	judged := make([]bool, len(s.Train.Histories))
	for _, c := range s.Cases {
		judged[c.User] = true
		if len(s.Train.Histories[c.User]) == 0 {
			s.Notes.WithoutHistory++
		}
	}
	for user, h := range s.Train.Histories {
		if !judged[user] && len(h) > 0 {
			s.Notes.UsersNotJudged++
		}
	}
	s.noteNew()
}

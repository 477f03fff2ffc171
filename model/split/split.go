package split

import (
	"fmt"
	"slices"
)

// Limits of a split, checked before memory is taken.
const (
	MaxItems     = 1 << 20 // titles of a catalogue, as many as a model may have
	MaxUsers     = 1 << 21
	MaxPlays     = 1 << 26 // lines of a training file
	MaxNegatives = 1 << 14 // of one user
)

// Train is all that training may see. Nothing in it leads to what is held out.
type Train struct {
	Items     int     // the catalogue is 0 to Items−1
	Histories [][]int // by user, oldest first, each title once; empty for a user without training titles
}

// Case is what one user is judged on: the title held out, among titles that the user has not watched.
type Case struct {
	User, Item int
	Negatives  []int // distinct, without Item
}

// Split is a training set with its judge's cases. Only its Train may be handed to a trainer.
type Split struct {
	Train Train
	Cases []Case
	Notes Notes
}

// Counts gives how many users watched each title, in training.
func (t Train) Counts() []int {
	counts := make([]int, t.Items)
	for _, h := range t.Histories {
		for _, item := range h {
			counts[item]++
		}
	}
	return counts
}

// Plays is how many watched titles there are in training.
func (t Train) Plays() int {
	n := 0
	for _, h := range t.Histories {
		n += len(h)
	}
	return n
}

// Check says whether a split can be judged: ids within the catalogue, distinct negatives, one case a user, and nothing held
// out that the same user's training holds.
func (s *Split) Check() error {
	if err := s.Train.check(); err != nil {
		return err
	}
	if len(s.Cases) == 0 {
		return fmt.Errorf("nobody has a held-out title: there is nothing to judge on")
	}
	seen := make([]int, s.Train.Items) // case number + 1 of whoever named the title last
	judged := make([]bool, len(s.Train.Histories))
	for n, c := range s.Cases {
		if c.User < 0 || c.User >= len(judged) {
			return fmt.Errorf("case %d: user %d is outside 0 to %d", n, c.User, len(judged)-1)
		}
		if judged[c.User] {
			return fmt.Errorf("case %d: user %d has two held-out titles, want one", n, c.User)
		}
		judged[c.User] = true
		if err := s.Train.inside(c.Item); err != nil {
			return fmt.Errorf("user %d: held-out %w", c.User, err)
		}
		if slices.Contains(s.Train.Histories[c.User], c.Item) {
			return fmt.Errorf("user %d: held-out item %d is in the same user's training: training would see what judges it", c.User, c.Item)
		}
		seen[c.Item] = n + 1
		for _, item := range c.Negatives {
			if err := s.Train.inside(item); err != nil {
				return fmt.Errorf("user %d: negative %w", c.User, err)
			}
			if seen[item] == n+1 {
				return fmt.Errorf("user %d: negative %d comes twice or is the held-out title", c.User, item)
			}
			seen[item] = n + 1
		}
	}
	return nil
}

func (t Train) check() error {
	if t.Items < 2 || t.Items > MaxItems {
		return fmt.Errorf("a catalogue of %d titles, want 2 to %d", t.Items, MaxItems)
	}
	seen := make([]int, t.Items)
	for user, h := range t.Histories {
		for _, item := range h {
			if err := t.inside(item); err != nil {
				return fmt.Errorf("user %d: %w", user, err)
			}
			if seen[item] == user+1 {
				return fmt.Errorf("user %d: item %d comes twice in one history", user, item)
			}
			seen[item] = user + 1
		}
	}
	return nil
}

func (t Train) inside(item int) error {
	if item < 0 || item >= t.Items {
		return fmt.Errorf("item %d is outside the catalogue, 0 to %d", item, t.Items-1)
	}
	return nil
}

// HoldOut makes a validation split out of training data: the last title of everybody with two or more is held out, with n
// uniform negatives from the seed, out of those that the user has neither in training nor held out. Whoever has fewer
// titles stays in training and is not judged.
func HoldOut(t Train, n int, seed uint64) (*Split, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("hold out the last titles: %w", err)
	}
	s := &Split{Train: Train{Items: t.Items, Histories: make([][]int, len(t.Histories))}}
	for user, h := range t.Histories {
		if len(h) < 2 {
			s.Train.Histories[user] = slices.Clone(h)
			s.Notes.UsersNotJudged++
			continue
		}
		s.Train.Histories[user] = slices.Clip(slices.Clone(h[:len(h)-1])) // a copy: the held-out title is not even behind its end
		s.Cases = append(s.Cases, Case{User: user, Item: h[len(h)-1]})
	}
	if err := s.drawUniform(n, seed); err != nil {
		return nil, fmt.Errorf("hold out the last titles: %w", err)
	}
	s.noteNew()
	return s, s.Check()
}

// noteNew counts the held-out titles that nobody watched in training.
func (s *Split) noteNew() {
	counts := s.Train.Counts()
	s.Notes.NewTitles = 0
	for _, c := range s.Cases {
		if counts[c.Item] == 0 {
			s.Notes.NewTitles++
		}
	}
}

package split

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// HoldNew makes a split that asks for titles which nobody's training holds: so many titles, each watched title as likely, are taken out of
// all histories. Whoever watched one of them is judged by the newest, and trains on what came before it; n uniform negatives are from titles
// that they never watched. Whoever has none, or fewer than least titles before it, trains on all the rest and is not judged; who then has
// fewer than least is left out. The seed decides; people are numbered anew, in their order.
func HoldNew(t Train, titles, least, n int, seed uint64) (*Split, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("hold out new titles: %w", err)
	}
	isNew, err := t.drawTitles(titles, seed)
	if err != nil {
		return nil, fmt.Errorf("hold out new titles: %w", err)
	}
	s, full := &Split{Train: Train{Items: t.Items}}, Train{Items: t.Items}
	for _, h := range t.Histories {
		kept, item := before(h, isNew, max(1, least))
		if len(kept) < max(1, least) {
			continue
		}
		user := len(s.Train.Histories)
		s.Train.Histories, full.Histories = append(s.Train.Histories, kept), append(full.Histories, h)
		if item < 0 {
			s.Notes.UsersNotJudged++
			continue
		}
		c := Case{User: user, Item: item}
		if c.Negatives, err = Uniform(full, c, n, seed); err != nil {
			return nil, fmt.Errorf("hold out new titles: %w", err)
		}
		s.Cases = append(s.Cases, c)
	}
	s.noteNew()
	return s, s.Check()
}

// drawTitles marks so many of the watched titles.
func (t Train) drawTitles(titles int, seed uint64) ([]bool, error) {
	var watched []int
	for i, n := range t.Counts() {
		if n > 0 {
			watched = append(watched, i)
		}
	}
	if titles < 1 || titles > len(watched)/2 {
		return nil, fmt.Errorf("%d new titles of %d watched ones: want 1 to half of them", titles, len(watched))
	}
	rng := rand.New(rand.NewPCG(seed, 1<<62))
	rng.Shuffle(len(watched), func(i, j int) { watched[i], watched[j] = watched[j], watched[i] })
	isNew := make([]bool, t.Items)
	for _, i := range watched[:titles] {
		isNew[i] = true
	}
	return isNew, nil
}

// before gives what somebody trains on and the new title that judges them, −1 for nobody's: a copy, without new titles.
func before(h []int, isNew []bool, least int) ([]int, int) {
	old := func(h []int) []int {
		return slices.Clip(slices.DeleteFunc(slices.Clone(h), func(i int) bool { return isNew[i] }))
	}
	for at := len(h) - 1; at >= 0; at-- {
		if !isNew[h[at]] {
			continue
		}
		if kept := old(h[:at]); len(kept) >= least {
			return kept, h[at]
		}
		break
	}
	return old(h), -1
}

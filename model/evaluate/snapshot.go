package evaluate

import (
	"fmt"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/split"
)

// Snapshot scores with a model. Title i of the split is title i of its layout.
type Snapshot struct {
	params []float32
	model  model.Model
}

// OfSnapshot opens a model for judging.
func OfSnapshot(s *model.Snapshot) (*Snapshot, error) {
	m, err := model.Open(s.Layout)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return &Snapshot{params: s.Params, model: m}, nil
}

// Scores scores as the device and serving do.
func (s *Snapshot) Scores(_ int, history []int, dst []float32) error {
	if want := len(s.model.Layout().Items); len(dst) != want {
		return fmt.Errorf("the model has %d titles, the split %d", want, len(dst))
	}
	if len(history) == 0 {
		return s.strangers(dst)
	}
	examples := make([]model.Example, len(history))
	for i, item := range history {
		examples[i].Item = item
	}
	scorer, err := s.model.Scorer(s.params, examples)
	if err != nil {
		return err
	}
	scorer.Scores(dst)
	return nil
}

// strangers scores for whoever has no history: by the titles' biases, which is all that a model knows of them.
func (s *Snapshot) strangers(dst []float32) error {
	at, n, ok := s.model.Layout().Offset("b")
	if !ok || n != len(dst) {
		return fmt.Errorf("the model has no bias for each title, and the user has no history")
	}
	copy(dst, s.params[at:at+n])
	return nil
}

// Person is somebody whose newest title was held out before any training.
type Person struct {
	Watches []model.Watch
	HeldOut string
}

// OfPeople makes a split over the titles of a layout, with n uniform negatives for each person from the seed. People whose
// held-out title the layout does not know or who had watched it before, or with no known history, are not judged.
func OfPeople(l model.Layout, people []Person, n int, seed uint64) (*split.Split, error) {
	index := l.Index()
	s := &split.Split{Train: split.Train{Items: len(l.Items), Histories: make([][]int, len(people))}}
	for who, p := range people {
		examples, _ := l.Examples(p.Watches)
		c, ok := split.Case{User: who}, false
		if c.Item, ok = index[p.HeldOut]; !ok || len(examples) == 0 {
			s.Notes.UsersNotJudged++
			continue
		}
		for _, e := range examples {
			s.Train.Histories[who] = append(s.Train.Histories[who], e.Item)
			ok = ok && e.Item != c.Item
		}
		if !ok {
			s.Notes.UsersNotJudged++
			continue
		}
		var err error
		if c.Negatives, err = split.Uniform(s.Train, c, n, seed); err != nil {
			return nil, err
		}
		s.Cases = append(s.Cases, c)
	}
	return s, s.Check()
}

package demo

import (
	"fmt"
	"os"

	"github.com/cinesync/cinesync/model"
)

// judge measures models on the titles that training never saw.
type judge struct {
	world      *world
	cases      []model.Case
	parameters int
	popularity float64
	start      float64
	hr10       float64
	ndcg10     float64
}

// negatives is how many unseen titles the held-out one is ranked against.
const negatives = 99

func newJudge(w *world, start *model.Snapshot, seed uint64) (*judge, error) {
	j := &judge{world: w, parameters: start.Layout.Size()}
	var people []model.Person
	for _, p := range w.people {
		people = append(people, model.Person{Watches: p.watches, HeldOut: p.heldOut})
	}
	var err error
	if j.cases, err = model.Cases(start.Layout, people, negatives, seed); err != nil {
		return nil, fmt.Errorf("prepare the measurement: %w", err)
	}
	j.popularity = model.EvaluatePopularity(start.Layout, j.cases).HR10
	m, err := model.Evaluate(start, j.cases)
	if err != nil {
		return nil, fmt.Errorf("measure the starting model: %w", err)
	}
	j.start, j.hr10, j.ndcg10 = m.HR10, m.HR10, m.NDCG10
	return j, nil
}

// score measures a published model from its file.
func (j *judge) score(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read published model: %w", err)
	}
	snap, err := model.Parse(b)
	if err != nil {
		return fmt.Errorf("published model: %w", err)
	}
	m, err := model.Evaluate(snap, j.cases)
	if err != nil {
		return fmt.Errorf("measure published model: %w", err)
	}
	j.hr10, j.ndcg10 = m.HR10, m.NDCG10
	return nil
}

package demo

import (
	"fmt"
	"os"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	"github.com/cinesync/cinesync/model/evaluate"
)

// judge measures models on the titles that training never saw.
type judge struct {
	world      *world
	worth      *evaluate.Judge
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
	var people []evaluate.Person
	for _, p := range w.people {
		people = append(people, evaluate.Person{Watches: p.watches, HeldOut: p.heldOut})
	}
	cases, err := evaluate.OfPeople(start.Layout, people, negatives, seed)
	if err != nil {
		return nil, fmt.Errorf("prepare the measurement: %w", err)
	}
	if j.worth, err = evaluate.New(cases, evaluate.Options{Seed: seed}); err != nil {
		return nil, fmt.Errorf("prepare the measurement: %w", err)
	}
	popularity, err := j.worth.Measure(baseline.NewPopularity(cases.Train))
	if err != nil {
		return nil, fmt.Errorf("measure popularity: %w", err)
	}
	j.popularity = popularity.Uniform.HR10.Mean
	m, err := j.measure(start)
	if err != nil {
		return nil, fmt.Errorf("measure the starting model: %w", err)
	}
	j.start, j.hr10, j.ndcg10 = m.HR10.Mean, m.HR10.Mean, m.NDCG10.Mean
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
	m, err := j.measure(snap)
	if err != nil {
		return fmt.Errorf("measure published model: %w", err)
	}
	j.hr10, j.ndcg10 = m.HR10.Mean, m.NDCG10.Mean
	return nil
}

// measure ranks each held-out title against the unseen ones.
func (j *judge) measure(s *model.Snapshot) (evaluate.Ranking, error) {
	scorer, err := evaluate.OfSnapshot(s)
	if err != nil {
		return evaluate.Ranking{}, err
	}
	r, err := j.worth.Measure(scorer)
	if err != nil {
		return evaluate.Ranking{}, err
	}
	return r.Uniform, nil
}

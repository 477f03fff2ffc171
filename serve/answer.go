package serve

import (
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/rank"
)

// scorer prepares the processor's scoring of a vector, or of a history where there is none.
func (e *engine) scorer(vector []float32, history []int) (model.Scorer, error) {
	if vector != nil {
		return model.VectorScorer(e.snapshot, vector)
	}
	examples := make([]model.Example, len(history))
	for i, row := range history {
		examples[i].Item = row
	}
	return e.model.Scorer(e.snapshot.Params, examples)
}

func (e *engine) score(s model.Scorer) []float32 {
	scores := make([]float32, len(e.titles))
	s.Scores(scores)
	return scores
}

// best lists titles for a vector, or for a history where there is none: by a user vector where the family has one, and by the scores of
// everything elsewhere.
func (e *engine) best(vector []float32, history []int, q rank.Query) ([]rank.Item, error) {
	if vector == nil {
		if scores := e.scored.scores(history); scores != nil {
			return e.list.Run(scores, q)
		}
	}
	s, err := e.scorer(vector, history)
	if err != nil {
		return nil, err
	}
	user, ok := s.(model.UserScorer)
	if !ok || e.users == nil {
		return e.list.Run(e.score(s), q)
	}
	n, err := e.list.Wanted(q)
	if err != nil {
		return nil, err
	}
	wanted := q
	wanted.N = n
	pool, err := e.users.find(user.UserVector(), wanted)
	if err != nil {
		return nil, err
	}
	return e.list.Choose(pool, q)
}

// similar lists the titles whose vectors point most nearly the same way as that of a row, which is q's Seen.
func (e *engine) similar(row int, q rank.Query) ([]rank.Item, error) {
	return e.alike.find(e.unit.Vector(row), q)
}

package serve

import (
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/rank"
)

// engine is one release, ready to answer. Nothing in it changes once it is made: a request that holds it sees one version.
type engine struct {
	release  Release
	snapshot *model.Snapshot
	model    model.Model
	rows     map[string]int         // title id to row of the layout
	titles   []catalog.Title        // by row; the zero title where the catalogue lacks it
	unit     []float32              // item vectors at length 1, row by row
	list     rank.Pipeline          // of recommendations
	alike    rank.Pipeline          // of similar titles: by likeness alone
	others   map[catalog.Kind][]int // the rows that are not of a kind
}

// newEngine reads a snapshot whose hash is already known to be right, and tries it out.
func newEngine(file []byte, r Release, cfg Config) (*engine, error) {
	snap, err := model.Parse(file)
	if err != nil {
		return nil, err
	}
	m, err := model.Open(snap.Layout)
	if err != nil {
		return nil, err
	}
	e := &engine{release: r, snapshot: snap, model: m, rows: snap.Layout.Index(), titles: make([]catalog.Title, len(snap.Layout.Items)),
		others: map[catalog.Kind][]int{}}
	var barred []int // a title without a name cannot be shown
	for row, id := range snap.Layout.Items {
		title, err := cfg.Catalogue.Get(id)
		if err != nil {
			barred = append(barred, row)
			continue
		}
		e.titles[row] = title
		for _, kind := range []catalog.Kind{catalog.Film, catalog.Series} {
			if title.Kind != kind {
				e.others[kind] = append(e.others[kind], row)
			}
		}
	}
	if len(barred) == len(e.titles) {
		return nil, fmt.Errorf("none of the model's %d titles is in the catalogue: it was trained on another one", len(e.titles))
	}
	e.list = rank.Pipeline{Barred: barred, Rankers: cfg.Rankers, Pool: cfg.Pool}
	e.alike = rank.Pipeline{Barred: barred}
	if e.unit, err = unitVectors(snap); err != nil {
		return nil, err
	}
	return e, e.try()
}

// unitVectors scales the item vectors to length 1; a zero vector stays, and is like nothing.
func unitVectors(s *model.Snapshot) ([]float32, error) {
	at, size, ok := s.Layout.Offset("v")
	d := s.Layout.Dim
	if !ok || size != len(s.Layout.Items)*d {
		return nil, errors.New("the model has no item vectors v of titles × width")
	}
	unit := make([]float32, size)
	for row := range len(s.Layout.Items) {
		vector := s.Params[at+row*d : at+(row+1)*d]
		var norm float64
		for _, x := range vector {
			norm += float64(x) * float64(x)
		}
		if norm == 0 {
			continue
		}
		for k, x := range vector {
			unit[row*d+k] = float32(float64(x) / math.Sqrt(norm))
		}
	}
	return unit, nil
}

// try scores once, so that a model whose numbers overflow never goes into service.
func (e *engine) try() error {
	scorer, err := e.model.Scorer(e.snapshot.Params, []model.Example{{Item: 0}})
	if err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	if _, err := e.list.Run(e.score(scorer), rank.Query{N: 1}); err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	return nil
}

func (e *engine) score(s model.Scorer) []float32 {
	scores := make([]float32, len(e.titles))
	s.Scores(scores)
	return scores
}

// cosines compares one row with all: from -1 to 1, sign kept.
func (e *engine) cosines(row int) []float32 {
	d := e.snapshot.Layout.Dim
	own := e.unit[row*d : (row+1)*d]
	out := make([]float32, len(e.titles))
	for i := range out {
		var dot float32
		for k, x := range e.unit[i*d : (i+1)*d] {
			dot += x * own[k]
		}
		out[i] = dot
	}
	return out
}

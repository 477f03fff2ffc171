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
	rows     map[string]int  // title id to row of the layout
	titles   []catalog.Title // by row; the zero title where the catalogue lacks it
	list     rank.Pipeline   // of recommendations
	users    *desk           // finds titles for a user vector; nil where the family has none
	scored   *scoring        // scores for a family that has none; nil: the processor does
	unit     *rank.Table     // item vectors at length 1
	alike    *desk           // finds titles like another, by likeness alone
	barred   map[catalog.Kind]rank.Mask

	uses
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
	e := &engine{release: r, snapshot: snap, model: m, rows: snap.Layout.Index(), titles: make([]catalog.Title, len(snap.Layout.Items))}
	if err := e.name(cfg.Catalogue); err != nil {
		return nil, err
	}
	e.list = rank.Pipeline{Rankers: cfg.Rankers, Pool: cfg.Pool}
	e.closer = e.close
	if err = e.seat(cfg); err == nil {
		err = e.try(cfg)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// name looks the titles up, and bars for each kind what is not of it; for no kind, what cannot be shown, since it has no name.
func (e *engine) name(c *catalog.Catalogue) error {
	e.barred = map[catalog.Kind]rank.Mask{}
	for _, kind := range []catalog.Kind{0, catalog.Film, catalog.Series} {
		e.barred[kind] = make(rank.Mask, rank.MaskWords(len(e.titles)))
	}
	named := false
	for row, id := range e.snapshot.Layout.Items {
		title, err := c.Get(id)
		if err == nil {
			e.titles[row], named = title, true
		}
		for kind, mask := range e.barred {
			if err != nil || kind != 0 && kind != title.Kind {
				mask[row/64] |= 1 << (row % 64)
			}
		}
	}
	if !named {
		return fmt.Errorf("none of the model's %d titles is in the catalogue: it was trained on another one", len(e.titles))
	}
	return nil
}

// seat opens what finds by vectors.
func (e *engine) seat(cfg Config) error {
	unit, err := unitVectors(e.snapshot)
	if err != nil {
		return err
	}
	d := e.snapshot.Layout.Dim
	if e.unit, err = rank.NewTable(unit, nil, d); err != nil {
		return err
	}
	scorer, err := e.scorer(nil, trial)
	if err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	if _, ok := scorer.(model.UserScorer); ok && e.list.Pool <= rank.MaxN {
		v, b := e.tensor("v"), e.tensor("b")
		table, err := rank.NewTable(v, b, d)
		if err != nil {
			return err
		}
		if e.users, err = openDesk("recommendations", table, cfg); err != nil {
			return err
		}
	}
	e.alike, err = openDesk("similar titles", e.unit, cfg)
	return err
}

func (e *engine) tensor(name string) []float32 {
	at, size, _ := e.snapshot.Layout.Offset(name)
	return e.snapshot.Params[at : at+size]
}

// close gives back what the desks and the scoring hold.
func (e *engine) close() {
	for _, d := range []*desk{e.users, e.alike} {
		if d != nil {
			d.close()
		}
	}
	e.scored.close()
}

// inside keeps what is rounded to float32 from getting longer than 1, and a cosine of it from getting greater.
const inside = 1 - 0x1p-24

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
			unit[row*d+k] = float32(float64(x) / math.Sqrt(norm) * inside)
		}
	}
	return unit, nil
}

// trial is a history of one title, which every model has.
var trial = []int{0}

// try scores everything once, so that a model whose numbers overflow never goes into service, opens what scores from then on, and asks
// each desk.
func (e *engine) try(cfg Config) error {
	scorer, err := e.scorer(nil, trial)
	if err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	scores, q := e.score(scorer), rank.Query{N: 1}
	if _, err := e.list.Run(scores, q); err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	if _, ok := scorer.(model.UserScorer); !ok {
		e.scored = openScoring(e.snapshot, trial, scores, cfg)
	}
	if _, err := e.best(nil, trial, q); err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	if _, err := e.alike.find(e.unit.Vector(0), q); err != nil {
		return fmt.Errorf("try the model out: %w", err)
	}
	return nil
}

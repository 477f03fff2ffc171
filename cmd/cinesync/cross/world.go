package cross

import (
	"fmt"

	"github.com/cinesync/cinesync/cmd/internal/titles"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/split"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/catalog/household"
	"github.com/cinesync/cinesync/serve/catalog/madeup"
)

// Size is that of a world.
type Size struct {
	Films  int `json:"films"`
	Series int `json:"series"`
	People int `json:"people"` // who train
	Judged int `json:"asked"`  // other people, of whom those are judged who watched both kinds
}

// DefaultSize is the command's.
func DefaultSize() Size { return Size{Films: 600, Series: 400, People: 2000, Judged: 1000} }

// leastFilms are needed to ask anything.
const leastFilms = 5

// world is a catalogue with people.
type world struct {
	titles []catalog.Title
	series []int     // rows of series
	train  [][]int   // histories of those who train, both kinds, oldest first
	judged []visitor // of those who do not
}

// visitor is somebody judged: films, oldest first, and the series they watched.
type visitor struct {
	films, series []int
	watched       map[int]bool
}

func newWorld(s Size, seed uint64) (*world, error) {
	list, err := madeup.Titles(s.Films, s.Series, seed)
	if err != nil {
		return nil, err
	}
	people, err := household.Make(list, s.People+s.Judged, seed)
	if err != nil {
		return nil, err
	}
	w := &world{titles: list}
	for row, t := range list {
		if t.Kind == catalog.Series {
			w.series = append(w.series, row)
		}
	}
	index := model.Layout{Items: titles.IDs(list)}.Index() // by qualified ids: the numbers of films and series are the same
	for who, watches := range people {
		var h []int
		for _, watch := range watches {
			h = append(h, index[watch.Item])
		}
		if who < s.People {
			w.train = append(w.train, h)
		} else if v := w.visitor(h); len(v.films) >= leastFilms && len(v.series) > 0 {
			w.judged = append(w.judged, v)
		}
	}
	if len(w.judged) == 0 {
		return nil, fmt.Errorf("none of %d people watched %d films and a series", s.Judged, leastFilms)
	}
	return w, nil
}

func (w *world) visitor(history []int) visitor {
	v := visitor{watched: map[int]bool{}}
	for _, row := range history {
		v.watched[row] = true
		if w.titles[row].Kind == catalog.Film {
			v.films = append(v.films, row)
		} else {
			v.series = append(v.series, row)
		}
	}
	return v
}

// split is the training set as baselines take it.
func (w *world) split() split.Train { return split.Train{Items: len(w.titles), Histories: w.train} }

// people are the same as trainers take them.
func (w *world) people() [][]model.Example {
	out := make([][]model.Example, len(w.train))
	for who, h := range w.train {
		for _, row := range h {
			out[who] = append(out[who], model.Example{Item: row})
		}
	}
	return out
}

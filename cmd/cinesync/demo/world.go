package demo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/history/imports"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/catalog/household"
)

// world is the titles and the people: who watched what, and the one title of each that training never sees.
type world struct {
	titles []catalog.Title
	people []person
}

// person is one device's owner. The newest title is held out.
type person struct {
	watches []model.Watch // oldest first, without the held-out one
	heldOut string
}

// leastWatches is how many titles a person must have watched to take part in the measurement.
const leastWatches = 5

func makeWorld(o *Options) (*world, error) {
	if o.Data != "" {
		return fromMovieLens(o)
	}
	w := &world{titles: catalog.Builtin().Titles()}
	households, err := household.Make(w.titles, o.Devices, o.Seed)
	if err != nil {
		return nil, fmt.Errorf("make households: %w", err)
	}
	for _, watches := range households {
		var list []model.Watch
		for _, v := range watches {
			list = append(list, model.Watch{Item: v.Item, At: v.At})
		}
		w.add(list)
	}
	return w, nil
}

// fromMovieLens takes the first users by id.
func fromMovieLens(o *Options) (*world, error) {
	if _, err := os.Stat(o.Data); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--data %s does not exist: name the folder of a MovieLens data set (100K, 1M or latest)", o.Data)
	}
	set, err := imports.ReadMovieLens(o.Data)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	w := &world{}
	for _, t := range set.Titles {
		w.titles = append(w.titles, catalog.Title{ID: t.ID, Kind: catalog.Film, Title: t.Title, Year: t.Year, Genres: t.Genres})
	}
	for _, u := range set.Users {
		if len(w.people) == o.Devices {
			break
		}
		w.add(u.Watches)
	}
	if n := len(w.people); n < aggregation.MinDevices {
		return nil, fmt.Errorf("--data %s: %d of its people have watched %d titles or more, and a round takes %d: name a larger data set", o.Data, n, leastWatches, aggregation.MinDevices)
	} else if n < o.Devices {
		return nil, fmt.Errorf("--devices is %d, and %s has %d people with at least %d titles: ask for --devices %d or fewer", o.Devices, o.Data, n, leastWatches, n)
	}
	return w, nil
}

func (w *world) add(watches []model.Watch) {
	slices.SortStableFunc(watches, func(a, b model.Watch) int { return cmp.Compare(a.At, b.At) })
	if len(watches) < leastWatches {
		return
	}
	last := len(watches) - 1
	w.people = append(w.people, person{watches: watches[:last], heldOut: watches[last].Item})
}

func (w *world) ids() []string {
	out := make([]string, len(w.titles))
	for i, t := range w.titles {
		out[i] = t.ID
	}
	return out
}

// start is the model before any round: item vectors from genres and year, nothing from anyone's history.
func (w *world) start(family string) (*model.Snapshot, error) {
	features := catalog.Features(w.titles)
	return model.Spec{Family: family, Dim: dimension(len(w.people)), Half: true}.New(w.ids(), features)
}

// dimension is the width of the item vectors: fewer people carry less noise-free signal, so their vectors are shorter.
func dimension(people int) int {
	if people < 64 {
		return 8
	}
	return 16
}

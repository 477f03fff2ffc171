package simulate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/cinesync/train"
	"github.com/cinesync/cinesync/model/split"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/catalog/household"
	"github.com/cinesync/cinesync/serve/catalog/madeup"
)

// MadeUp is the name of the data set that a study makes up.
const MadeUp = "made-up"

// Titles of a made-up data set, and the people where nobody says how many.
const (
	madeUpFilms, madeUpSeries = 600, 400
	madeUpPeople              = 200
)

// ErrDevices: more devices are asked for than there are people, or can be made up.
var ErrDevices = errors.New("--devices")

// MakeUp makes people who watch made-up titles, and holds out as the task's data say. They are no real people: what is measured on them says
// that learning works, not how well.
func MakeUp(t *task.Task, devices int, seed uint64) (*train.Data, error) {
	if devices == 0 {
		devices = madeUpPeople
	}
	if devices > household.MaxCount {
		return nil, fmt.Errorf("%w is %d: want 1 to %d made-up people", ErrDevices, devices, household.MaxCount)
	}
	list, err := madeup.Titles(madeUpFilms, madeUpSeries, seed)
	if err != nil {
		return nil, err
	}
	watches, err := household.Make(list, devices, seed)
	if err != nil {
		return nil, fmt.Errorf("make up %d people: %w", devices, err)
	}
	d := t.Data
	d.People, d.SetAside, d.Titles = 0, task.None, task.All
	return train.Of(list, places(list, watches), d)
}

// places gives what was watched by places in the list.
func places(list []catalog.Title, watches [][]household.Watch) [][]int {
	index := make(map[string]int, len(list))
	for i, t := range list {
		index[t.ID] = i
	}
	out := make([][]int, len(watches))
	for i, h := range watches {
		for _, w := range h {
			out[i] = append(out[i], index[w.Item])
		}
	}
	return out
}

// Read reads the task's data and picks so many of its people; 0: those that the task names.
func Read(dir string, t *task.Task, devices int, seed uint64) (*train.Data, error) {
	d := t.Data
	if devices > 0 {
		d.People = 0
	}
	data, err := train.Read(dir, d)
	if err != nil || devices == 0 {
		return data, err
	}
	return Pick(data, devices, seed)
}

// Pick takes so many of the people who train, drawn by the seed and in the order of the data; the titles stay.
func Pick(d *train.Data, devices int, seed uint64) (*train.Data, error) {
	all := len(d.Split.Train.Histories)
	if devices > all {
		return nil, fmt.Errorf("%w is %d: the data set has %d people who train; ask for fewer, or for made-up ones with --data %s", ErrDevices, devices, all, MadeUp)
	}
	who := rand.New(rand.NewPCG(seed, 1<<33)).Perm(all)[:devices]
	slices.Sort(who)
	place := make(map[int]int, devices)
	out := &split.Split{Train: split.Train{Items: d.Split.Train.Items}, Notes: d.Split.Notes}
	for i, user := range who {
		place[user] = i
		out.Train.Histories = append(out.Train.Histories, d.Split.Train.Histories[user])
	}
	for _, c := range d.Split.Cases {
		if i, picked := place[c.User]; picked {
			c.User = i
			out.Cases = append(out.Cases, c)
		}
	}
	return &train.Data{Titles: d.Titles, Split: out}, nil
}

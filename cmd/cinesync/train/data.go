package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cinesync/cinesync/client/history/imports"
	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/internal/titles"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/split"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Data is what a task learns from, and what it is judged by. Title i of the split is title i of the list.
type Data struct {
	Titles []catalog.Title
	Split  *split.Split
}

// negatives is how many unseen titles the held-out one is ranked against, where the catalogue has so many.
const negatives = 99

// judgeSeed draws the negatives, the same for every training.
const judgeSeed = 1

// Read reads the data of a task. dir is the data set's folder, or the one that holds it.
func Read(dir string, d task.Data) (*Data, error) {
	folder, err := find(dir, d.Set)
	if err != nil {
		return nil, err
	}
	var beside []string
	for _, name := range d.Facts {
		beside = append(beside, filepath.Join(filepath.Dir(folder), name))
	}
	list, err := titles.Read(folder, beside...)
	if err != nil {
		return nil, err
	}
	histories, err := read(folder, d.Layout, list)
	if err != nil {
		return nil, fmt.Errorf("read data set %s: %w", folder, err)
	}
	return Of(list, histories, d)
}

// Of parts histories that were read or made up, titles by their places in the list and oldest first, as a task's data are: so many people,
// the newest title set aside where the task wants that, and what is held out.
func Of(list []catalog.Title, histories [][]int, d task.Data) (*Data, error) {
	histories = slices.Clone(histories)
	if d.People > 0 {
		histories = histories[:min(d.People, len(histories))]
	}
	if d.SetAside == task.Newest {
		for i, h := range histories {
			histories[i] = h[:max(0, len(h)-1)]
		}
	}
	return part(list, histories, d)
}

// find takes the folder itself where it has the set's name or holds no folder of it.
func find(dir, set string) (string, error) {
	clean, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("--data %s: %w", dir, err)
	}
	inner := filepath.Join(clean, set)
	if info, err := os.Stat(inner); err == nil && info.IsDir() {
		return inner, nil
	}
	if info, err := os.Stat(clean); err != nil || !info.IsDir() {
		return "", fmt.Errorf("--data %s is no folder: name the one of the data set %s, or the one that holds it", dir, set)
	}
	if filepath.Base(clean) != set {
		return "", fmt.Errorf("--data %s has no folder %s, which the task learns from (data.set)", dir, set)
	}
	return clean, nil
}

// read gives everybody's titles by their places in the list, oldest first.
func read(folder, layout string, list []catalog.Title) ([][]int, error) {
	if layout == task.Pairs {
		return pairs(folder, len(list))
	}
	set, err := imports.ReadMovieLens(folder)
	if err != nil {
		return nil, err
	}
	l := model.Layout{Items: titles.IDs(list)}
	index := l.Index()
	var out [][]int
	for _, u := range set.Users {
		seen := map[int]bool{}
		var h []int
		for _, w := range u.Watches {
			if i, ok := index[w.Item]; ok && !seen[i] {
				seen[i] = true
				h = append(h, i)
			}
		}
		out = append(out, h)
	}
	return out, nil
}

// pairs reads train.pairs.tsv or train.pairs.tsv.gz.
func pairs(folder string, items int) ([][]int, error) {
	const name = "train.pairs.tsv"
	f, err := os.Open(filepath.Join(folder, name+".gz"))
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(filepath.Join(folder, name))
	}
	if err != nil {
		return nil, fmt.Errorf("%s and %s.gz: %w", name, name, err)
	}
	defer f.Close()
	r, err := split.Unpack(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	plays, err := split.ReadTrain(r)
	if err != nil {
		return nil, err
	}
	for user, h := range plays.Histories {
		for _, item := range h {
			if item >= items {
				return nil, fmt.Errorf("user %d has item %d, and the data set has %d titles", user, item, items)
			}
		}
	}
	return plays.Histories, nil
}

// part holds out, drops who has too little, and keeps the titles that the task asks for.
func part(list []catalog.Title, histories [][]int, d task.Data) (*Data, error) {
	var kept [][]int
	least := max(1, d.Least)
	if d.HoldOut == task.Newest {
		least++
	}
	for _, h := range histories {
		if len(h) >= least {
			kept = append(kept, h)
		}
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("none of %d people has %d titles: lower data.least, or name other data", len(histories), least)
	}
	if d.Titles == task.Watched {
		list, kept = watched(list, kept, d.HoldOut == task.Newest)
	}
	t := split.Train{Items: len(list), Histories: kept}
	if d.HoldOut == task.None {
		return &Data{Titles: list, Split: &split.Split{Train: t}}, nil
	}
	longest := 0
	for _, h := range kept {
		longest = max(longest, len(h))
	}
	s, err := hold(t, d, max(1, min(negatives, len(list)-longest)))
	if err != nil {
		return nil, err
	}
	return &Data{Titles: list, Split: s}, nil
}

// hold takes out what people are judged by.
func hold(t split.Train, d task.Data, negatives int) (*split.Split, error) {
	if d.NewTitles > 0 {
		return split.HoldNew(t, d.NewTitles, d.Least, negatives, judgeSeed)
	}
	return split.HoldOut(t, negatives, judgeSeed)
}

// watched keeps the titles that training holds. Whose held-out title is not among them trains on all they have.
func watched(list []catalog.Title, histories [][]int, heldOut bool) ([]catalog.Title, [][]int) {
	place := make([]int, len(list))
	for _, h := range histories {
		last := len(h)
		if heldOut {
			last--
		}
		for _, item := range h[:last] {
			place[item] = 1
		}
	}
	var titles []catalog.Title
	for i := range place {
		if place[i] == 0 {
			place[i] = -1
			continue
		}
		place[i] = len(titles)
		titles = append(titles, list[i])
	}
	var out [][]int
	for _, h := range histories {
		var mine []int
		for _, item := range h {
			if place[item] >= 0 {
				mine = append(mine, place[item])
			}
		}
		out = append(out, mine)
	}
	return titles, out
}

// examples are the histories as trainers take them.
func examples(t split.Train) [][]model.Example {
	out := make([][]model.Example, len(t.Histories))
	for i, h := range t.Histories {
		for _, item := range h {
			out[i] = append(out[i], model.Example{Item: item})
		}
	}
	return out
}

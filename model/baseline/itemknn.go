package baseline

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model/split"
)

// ItemKNN adds up, for each title, how like it is to those of the history: the cosine of their audiences, shrunk where few
// watched both (Sarwar et al. 2001; shrinkage as in Dacrema et al. 2019).
type ItemKNN struct {
	near [][]neighbour // of title j: the titles that count j among their nearest
}

type neighbour struct {
	item  int32
	alike float32
}

// KNNOptions are ItemKNN's. Zero values stand for the defaults.
type KNNOptions struct {
	Neighbours int     // of each title; 0: 30
	Shrink     float64 // added to the denominator of the cosine; 0: 1
	Stop       Stop
}

// NewItemKNN finds each title's neighbours.
func NewItemKNN(t split.Train, o KNNOptions) (*ItemKNN, error) {
	if o.Neighbours == 0 {
		o.Neighbours = 30
	}
	if o.Shrink == 0 {
		o.Shrink = 1
	}
	if o.Neighbours < 1 || !(o.Shrink > 0) || math.IsInf(o.Shrink, 0) {
		return nil, fmt.Errorf("ItemKNN: %d neighbours and shrinkage %v, want positive numbers", o.Neighbours, o.Shrink)
	}
	users := watchers(t)
	nearest := make([][]neighbour, t.Items)
	rows := make([][]float64, par.Width()) // of each worker: how many watched both; empty between titles
	par.Each(len(rows), t.Items, func(worker, i int) {
		if len(users[i]) == 0 || o.Stop.now() != nil {
			return
		}
		if rows[worker] == nil {
			rows[worker] = make([]float64, t.Items)
		}
		nearest[i] = nearestOf(t, users, i, rows[worker], o)
	})
	if err := o.Stop.now(); err != nil {
		return nil, fmt.Errorf("ItemKNN: %w", err)
	}
	k := &ItemKNN{near: make([][]neighbour, t.Items)}
	for i, list := range nearest {
		for _, n := range list {
			k.near[n.item] = append(k.near[n.item], neighbour{int32(i), n.alike})
		}
	}
	return k, nil
}

// nearestOf finds one title's neighbours, the most alike first. It looks only at what its watchers watched, and row is empty
// before and after: a catalogue may be far larger than what is watched of it.
func nearestOf(t split.Train, users [][]int32, i int, row []float64, o KNNOptions) []neighbour {
	var touched []int
	for _, u := range users[i] {
		for _, item := range t.Histories[u] {
			if row[item] == 0 {
				touched = append(touched, item)
			}
			row[item]++
		}
	}
	var out []neighbour
	for _, j := range touched {
		if j != i {
			alike := row[j] / (math.Sqrt(float64(len(users[i]))*float64(len(users[j]))) + o.Shrink)
			out = append(out, neighbour{int32(j), float32(alike)})
		}
		row[j] = 0
	}
	slices.SortFunc(out, func(a, b neighbour) int { return cmp.Or(cmp.Compare(b.alike, a.alike), cmp.Compare(a.item, b.item)) })
	return slices.Clone(out[:min(o.Neighbours, len(out))])
}

// Scores adds the similarities up.
func (k *ItemKNN) Scores(_ int, history []int, dst []float32) error {
	if err := fits(dst, len(k.near)); err != nil {
		return err
	}
	clear(dst)
	for _, j := range history {
		for _, n := range k.near[j] {
			dst[n.item] += n.alike
		}
	}
	return nil
}

package attack

import (
	"fmt"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/sim/learning"
)

// recipe is how devices train, and how the server steps.
type recipe struct {
	model model.Model
	local model.Local
	opt   model.Optimizer
	clip  float32
}

// usual is the recipe of a start's family.
func usual(start *model.Snapshot) (r recipe, err error) {
	if r.model, err = model.Open(start.Layout); err != nil {
		return r, err
	}
	if r.local, err = model.DefaultLocal(start.Layout.Family); err != nil {
		return r, err
	}
	r.opt, err = model.DefaultOptimizer(start.Layout.Family)
	r.clip = model.DefaultClip(start.Layout.Family)
	return r, err
}

// updates are everybody's to a model, clipped as on their devices, one a person. They draw as members of a simulated round do
// (learning.Draws); rounds count from 0.
func (r *recipe) updates(snap *model.Snapshot, people [][]model.Watch, seed uint64, round int) ([][]float32, error) {
	out, errs := make([][]float32, len(people)), make([]error, len(people))
	par.Do(len(people), func(i int) {
		history, _ := snap.Layout.Examples(people[i])
		out[i], _, errs[i] = model.Train(r.model, snap.Params, history, r.local, learning.Draws(seed, i, round))
		if errs[i] == nil {
			_, errs[i] = privacy.Clip(out[i], r.clip)
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("update of person %d: %w", i, err)
		}
	}
	return out, nil
}

package learning

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// worker is the memory of one core: it works through members one after another and keeps their sum.
type worker struct {
	trainer   model.Trainer
	quantiser *aggregation.Quantiser
	update    []float32
	sent      []float32 // the update in the form in which it travels
	sum       []int32   // of at most a cohort's integers: newRun has held them against 2^31
}

// sum is what the members of a round put into the sum, and the round's noise. Integers add up the same in any order, and floats
// are added in the order of members, so that nothing depends on the number of cores.
func (r *run) sum(snap *model.Snapshot, number int) ([]int64, Round, error) {
	members := r.members(number)
	r.layout, r.uplink = snap.Layout, r.cfg.Local.Uplink(snap.Layout, snap.Hash())
	parts, ok := r.elsewhere(snap, members, number)
	if !ok {
		var err error
		if parts, err = r.here(snap, members, number); err != nil {
			return nil, Round{}, err
		}
	}
	round := Round{Number: number, Members: len(members)}
	for i, p := range parts {
		if p.Err != nil {
			return nil, Round{}, fmt.Errorf("member %d: %w", members[i], p.Err)
		}
		round.Loss += p.Loss / float64(len(members))
		round.Norm += p.Norm / float64(len(members))
		if p.Clipped {
			round.Clipped++
		}
	}
	return r.total, round, r.addNoise(number, len(members))
}

// here trains the members on this machine's cores and leaves their sum in total.
func (r *run) here(snap *model.Snapshot, members []int, number int) ([]Part, error) {
	m, err := model.Open(snap.Layout)
	if err != nil {
		return nil, err
	}
	if err := r.ready(m, snap); err != nil {
		return nil, err
	}
	parts := make([]Part, len(members))
	par.Each(len(r.workers), len(members), func(worker, i int) {
		parts[i] = r.member(r.workers[worker], members[i], number)
	})
	clear(r.total)
	for _, w := range r.workers {
		for j, v := range w.sum {
			r.total[j] += int64(v)
		}
	}
	return parts, nil
}

// ready gives every core a trainer for this round's model, and an empty sum.
func (r *run) ready(m model.Model, snap *model.Snapshot) error {
	width := par.Width()
	if r.cfg.Engine != nil {
		width = 1
	}
	for len(r.workers) < width {
		q, err := aggregation.NewQuantiser(r.cfg.Grid)
		if err != nil {
			return err
		}
		r.workers = append(r.workers, &worker{quantiser: q, update: make([]float32, snap.Layout.Size()), sent: make([]float32, r.cfg.Grid.D), sum: make([]int32, r.cfg.Grid.D)})
	}
	for _, w := range r.workers {
		clear(w.sum)
		if r.cfg.Engine == nil {
			w.trainer = m.Trainer(snap.Params)
			continue
		}
		var err error
		if w.trainer, err = r.cfg.Engine(snap); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
	}
	return nil
}

// diverged says in which tensor an update left the numbers.
func (r *run) diverged(update []float32, err error) error {
	if name := r.layout.NotFinite(update); name != "" {
		return fmt.Errorf("tensor %s: %w: %w", name, ErrDiverged, err)
	}
	return fmt.Errorf("%w: %w", ErrDiverged, err)
}

// members are those of a round, in order.
func (r *run) members(number int) []int {
	all := make([]int, len(r.people))
	for i := range all {
		all[i] = i
	}
	if r.cfg.Cohort == len(all) {
		return all
	}
	rng := rand.New(rand.NewPCG(r.cfg.Seed, uint64(number)<<32|1<<31))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:r.cfg.Cohort]
	slices.Sort(all)
	return all
}

// Draws is what a member's local training draws from in a round: cuts, dropout and negatives.
func Draws(seed uint64, member, round int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(round)<<32|uint64(member)))
}

// member trains, clips and quantises as a device does, and adds the integers up.
func (r *run) member(w *worker, who, number int) Part {
	history := r.people[who]
	if len(history) < 2 {
		return Part{}
	}
	var p Part
	rng := Draws(r.cfg.Seed, who, number)
	if p.Loss, p.Err = w.trainer.Update(w.update, history, r.cfg.Local, rng); p.Err != nil {
		p.Err = r.diverged(w.update, p.Err)
		return p
	}
	r.uplink.Shrink(w.sent, w.update)
	if p.Norm, p.Err = privacy.Clip(w.sent, r.cfg.Grid.C); p.Err != nil {
		p.Err = r.diverged(w.update, p.Err)
		return p
	}
	p.Clipped = p.Norm > float64(r.cfg.Grid.C)
	p.Err = w.quantiser.Add(w.sum, w.sent, r.coins(who, number))
	return p
}

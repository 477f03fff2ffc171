package learning

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
)

// Backend trains all members of a round at another place, for example on a GPU.
type Backend interface {
	// Train does for each member what its device does: the local function, the form that travels, the clip to Grid.C and the rounding with
	// the member's coins. It adds the integers to total (Grid.D words, which hold a cohort's sum) and gives one part a member, in
	// order. An error means that the place failed and nothing was added; what a member's own training fails by is in its part, and then
	// total is of no use to anyone.
	Train(total []int32, c Cohort) ([]Part, error)
}

// Cohort is the members of one round that have something to learn from, as a Backend gets them. Draws and Coins may be called from several
// goroutines, and give a generator from its beginning whenever they are called.
type Cohort struct {
	Model     *model.Snapshot
	Local     model.Local
	Grid      aggregation.Grid
	Histories [][]model.Example      // of the members, each of two titles or more
	Draws     func(i int) *rand.Rand // cuts, dropout and negatives of member i
	Coins     func(i int) io.Reader  // what rounds its update, as aggregation.Quantiser takes it
}

// Part is what is told of one member.
type Part struct {
	Loss, Norm float64 // mean loss of its last step; L2 norm of its update before the clip
	Clipped    bool
	Err        error // why its training failed: ErrDiverged where it left the numbers
}

// elsewhere lets the backend train the members; ok is false where it failed, and from then on everything is trained here.
func (r *run) elsewhere(snap *model.Snapshot, members []int, number int) (parts []Part, ok bool) {
	if r.cfg.Backend == nil {
		return nil, false
	}
	parts = make([]Part, len(members))
	c := Cohort{Model: snap, Local: r.cfg.Local, Grid: r.cfg.Grid}
	var places []int // of who takes part, among the members
	for i, who := range members {
		if len(r.people[who]) >= 2 {
			places, c.Histories = append(places, i), append(c.Histories, r.people[who])
		}
	}
	c.Draws = func(i int) *rand.Rand { return Draws(r.cfg.Seed, members[places[i]], number) }
	c.Coins = func(i int) io.Reader { return r.coins(members[places[i]], number) }
	sum := make([]int32, r.cfg.Grid.D)
	got, err := r.cfg.Backend.Train(sum, c)
	if err == nil && len(got) != len(places) {
		err = fmt.Errorf("it tells of %d members, and %d took part", len(got), len(places))
	}
	if err != nil {
		r.cfg.Backend = nil
		if r.cfg.Fallback != nil {
			r.cfg.Fallback(number, fmt.Errorf("round %d: the backend failed, from here on the CPU trains: %w", number, err))
		}
		return nil, false
	}
	for i, at := range places {
		parts[at] = got[i]
	}
	for j, v := range sum {
		r.total[j] = int64(v)
	}
	return parts, true
}

var errEngineAndBackend = errors.New("an engine and a backend: want one place that trains")

package learning

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
)

// Config is one training.
type Config struct {
	Local     model.Local
	Optimizer model.Optimizer
	Rounds    int
	Cohort    int // members of a round, drawn anew for each; 0: everybody
	// Grid turns updates into integers; its D may be 0 for the words of the local function. A WordBits below 32 does not pack anything here, it only clamps
	// to XMax.
	Grid aggregation.Grid
	// Noise multiplies the sensitivity: the sum's noise is a discrete Gaussian of σ = Noise·CInt. 0: none, as only simulations may.
	Noise float64
	// As is how many members the noise is shared by, where a larger population is simulated: the gradients stay those of the people that
	// there are, and the noise of the mean shrinks by members/As. 0: the members themselves.
	As   int
	Seed uint64
	// Coins round a member's update in a round; nil: drawn from the seed. A comparison with the protocol's rounds gives the coins of its devices.
	// A round that a backend fails in is trained again: every call gives them from their beginning.
	Coins func(member, round int) io.Reader
	// Engine makes the trainers of a round's model; nil: the model's own. Another engine trains one member after another: its trainers may
	// share what they write to, as those of model/graph do.
	Engine func(*model.Snapshot) (model.Trainer, error)
	// Backend trains the rounds' members; nil: this package does, on all cores. The same seed gives the same models on the same backend; on
	// another they differ by what float32 sums in another order differ by. After its first failure the round is trained here, from its
	// beginning, and so are all after it; Fallback, which may be nil, hears of it once.
	Backend  Backend
	Fallback func(round int, err error)
	// Progress hears of every round that is done and ends the training with an error, for example a context's. It may be nil.
	Progress func(Round) error
}

// Round is what is known of a round that is done.
type Round struct {
	Number  int // from 1
	Members int
	Loss    float64 // mean over the members, of their last step, before this round's model
	Clipped int     // members whose update the clip cut
	Norm    float64 // mean L2 norm of updates before the clip
	Sum     []int64 // of the integers and their noise; holds during Progress
	Model   *model.Snapshot
	Serve   *model.Snapshot
}

// Result is how a training went: the last iterate, and what is served.
type Result struct {
	Model, Serve *model.Snapshot
	Rounds       []Round // without their models and sums
}

// ErrDiverged means that training left the numbers: a loss or a parameter is NaN or infinite. The result holds the last good models.
var ErrDiverged = errors.New("training diverged: lower the rates or the noise")

// Run trains. people are histories, oldest first, by their places in the start's layout; who has fewer than two known titles is in
// every draw and sends an update of zeros, as a device does that has nothing to say. On ErrDiverged the result is that of the rounds before.
func Run(cfg Config, start *model.Snapshot, people [][]model.Example) (*Result, error) {
	r, err := newRun(cfg, start, people)
	if err != nil {
		return nil, fmt.Errorf("train in simulation: %w", err)
	}
	out := &Result{Model: start, Serve: start}
	for number := 1; number <= cfg.Rounds; number++ {
		sum, round, err := r.sum(out.Model, number)
		if err != nil {
			return out, fmt.Errorf("round %d: %w", number, err)
		}
		mean := make([]float32, out.Model.Layout.Size())
		r.uplink.Grow(mean, r.mean(sum, round.Members))
		if round.Model, round.Serve, err = r.cfg.Optimizer.Apply(out.Model, mean, number-1, cfg.Rounds); err != nil {
			return out, fmt.Errorf("round %d: %w: %w", number, ErrDiverged, err)
		}
		out.Model, out.Serve = round.Model, round.Serve
		round.Sum = sum
		if cfg.Progress != nil {
			if err := cfg.Progress(round); err != nil {
				return out, err
			}
		}
		round.Sum, round.Model, round.Serve = nil, nil, nil
		out.Rounds = append(out.Rounds, round)
	}
	return out, nil
}

// run is a training with what stays the same over its rounds.
type run struct {
	cfg     Config
	people  [][]model.Example
	workers []*worker
	uplink  *model.Uplink // of the round
	layout  model.Layout
	total   []int64
}

func newRun(cfg Config, start *model.Snapshot, people [][]model.Example) (*run, error) {
	switch {
	case len(people) == 0:
		return nil, errors.New("there is nobody to learn from")
	case cfg.Rounds < 0:
		return nil, fmt.Errorf("%d rounds", cfg.Rounds)
	case cfg.Cohort < 0 || cfg.Cohort > len(people):
		return nil, fmt.Errorf("a cohort of %d out of %d people", cfg.Cohort, len(people))
	case !(cfg.Noise >= 0) || math.IsInf(cfg.Noise, 1):
		return nil, fmt.Errorf("noise multiplier %v: want 0 or a positive number", cfg.Noise)
	case cfg.As < 0:
		return nil, fmt.Errorf("noise as for %d members", cfg.As)
	}
	if cfg.Engine != nil && cfg.Backend != nil {
		return nil, errEngineAndBackend
	}
	if cfg.Cohort == 0 {
		cfg.Cohort = len(people)
	}
	words := cfg.Local.Words(start.Layout)
	if cfg.Grid.D == 0 {
		cfg.Grid.D = words
	}
	if cfg.Grid.D != words {
		return nil, fmt.Errorf("a grid of %d words for a local function of %d", cfg.Grid.D, words)
	}
	if _, err := cfg.Grid.R(); err != nil {
		return nil, err
	}
	if err := aggregation.CheckWord(cfg.Cohort, cfg.Grid.XMax, 0, 32); err != nil {
		return nil, err
	}
	return &run{cfg: cfg, people: people, total: make([]int64, cfg.Grid.D)}, nil
}

// mean decodes a sum, as the coordinator does.
func (r *run) mean(sum []int64, members int) []float32 {
	unit := r.cfg.Grid.Scale() * float64(members)
	out := make([]float32, len(sum))
	for i, v := range sum {
		out[i] = float32(float64(v) / unit)
	}
	return out
}

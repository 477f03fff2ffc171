package accel

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/masks"
	"github.com/cinesync/cinesync/gpu/score"
	"github.com/cinesync/cinesync/gpu/topk"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/rank"
)

// worthMasks is how much keystream a GPU expands for: below it 16 cores have made theirs before the GPU has begun (decision 48).
const worthMasks = 8 << 20

// Accumulators makes the sums of rounds, whose masks GPUs expand, or nil where there is none.
func (a *Accel) Accumulators() func(aggregation.Shape) aggregation.Accumulator {
	if len(a.devices) == 0 {
		return nil
	}
	expander, err := masks.New(a.devices...)
	if err != nil {
		a.tookOver("expanding masks", err)
		return nil
	}
	a.last = append(a.last, expander.Close)
	return func(s aggregation.Shape) aggregation.Accumulator {
		return aggregation.NewOffloadAccumulator(s, aggregation.Offload{Expander: expander, Least: worthMasks,
			Failed: func(err error) { a.tookOver("expanding masks", err) }})
	}
}

// Finders makes what finds lists by vectors, on the first GPU, or nil where there is none. Who asks for a finder answers for it where it
// fails (serve does).
func (a *Accel) Finders() rank.Open {
	if len(a.devices) == 0 {
		return nil
	}
	k, err := topk.Load(a.devices[0])
	if err != nil {
		a.tookOver("finding lists", err)
		return nil
	}
	a.last = append(a.last, k.Close)
	return k.Open
}

// Scores makes what scores people of a model without a user vector, on the first GPU, or nil where there is none. Who asks for it answers
// for it where it fails, or has no kernels for a model (serve does).
func (a *Accel) Scores() serve.OpenScores {
	if len(a.devices) == 0 {
		return nil
	}
	k, err := score.Load(a.devices[0])
	if err != nil {
		a.tookOver("scoring", err)
		return nil
	}
	a.last = append(a.last, k.Close)
	return func(s *model.Snapshot) (serve.Scores, error) {
		m, err := k.New(s)
		if err != nil {
			return nil, err // not a nil Model in an interface
		}
		return scores{m, a.devices[0].Lost}, nil
	}
}

// scores is a model on a GPU, which says so where it only has no room for now.
type scores struct {
	serve.Scores
	lost func() error
}

// Batch is serve.Scores's.
func (s scores) Batch(histories [][]int, dst [][]float32) error {
	err := s.Scores.Batch(histories, dst)
	if errors.Is(err, gpu.ErrMemory) && s.lost() == nil {
		return fmt.Errorf("%w: %w", rank.ErrRoom, err)
	}
	return err
}

// tookOver says that the CPU does what a backend could not.
func (a *Accel) tookOver(what string, err error) {
	a.say(slog.LevelWarn, fmt.Sprintf("gpu: %s failed, the CPU takes over: %v", what, err))
}

package coordinator

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/model"
)

// outcome is what became of a round's work. An error is this machine's fault, not the round's: the process stops, and the
// next one does the work again.
type outcome struct {
	round uint64
	event round.Event
	err   error
}

// startWork queues the slow half of a round beside the loop, behind the vectors that are still to be folded. Its answer is an
// event like any other, and everything it needs is durable, so that a crash only makes it run again.
func (c *Coordinator) startWork(ctx context.Context, plan *round.Plan) {
	f, open, start := c.folder, c.openRecord(c.row.OpenHash), c.head.Version == 0
	f.queue(ctx, job{settle: func(ctx context.Context) (round.Event, error) { return c.settle(ctx, f, open, plan, start) }})
}

// report hands an outcome to the loop, as long as there is one.
func (c *Coordinator) report(o outcome) {
	select {
	case c.results <- o:
	case <-c.done:
	}
}

// settled takes an outcome in. Work may outlast its round, when the deadline passes first: then nobody wants it any more.
func (c *Coordinator) settled(o outcome, b *batch) error {
	if c.machine == nil || o.round != c.row.Round {
		return nil
	}
	if o.err != nil {
		return fmt.Errorf("settle round %d: %w", o.round, o.err)
	}
	return c.step(c.cfg.Now(), o.event, b)
}

// settle is what the coordinator does with a round, on one screen: the exact sum of the included devices' noisy integer vectors in
// each cohort, their mean as a model update, one optimiser step, the new files under their hashes. Nothing is visible yet:
// publishing is the transaction that the machine asks for next.
func (c *Coordinator) settle(ctx context.Context, f *folder, open *audit.RoundOpen, plan *round.Plan, start bool) (round.Event, error) {
	done := round.Event{Kind: round.Settled}
	var means [][]float32
	var bits int64
	for i := range plan.Cohorts {
		exact, hash, err := exactSum(ctx, f, open, plan, i)
		switch {
		case errors.Is(err, errStore):
			return round.Event{}, err
		case errors.Is(err, round.ErrVector):
			return unsettled(round.LostInputs, err), nil
		case errors.Is(err, round.ErrShares):
			return round.Unmaskable(round.BadReveals, err), nil
		case err != nil:
			return unsettled(round.SettleFailed, err), nil
		}
		done.Sums = append(done.Sums, hash)
		means = append(means, gridOf(open).Mean(exact[:open.D], len(plan.Cohorts[i].Survivors)))
		for _, v := range exact[open.D:] {
			bits += int64(v)
		}
	}
	var err error
	done.Model, done.Serve, err = c.learnFrom(open, combine(means), survivors(plan), c.nextClip(open, plan, bits), start)
	if errors.Is(err, errApply) {
		return unsettled(round.SettleFailed, err), nil
	}
	return done, err
}

// exactSum is a cohort's sum with the hash that is published. Up to here everything is an integer; means are made of a sum that is final.
func exactSum(ctx context.Context, f *folder, open *audit.RoundOpen, plan *round.Plan, cohort int) ([]int32, [32]byte, error) {
	sum, err := f.unmask(ctx, plan, cohort)
	if err != nil {
		return nil, [32]byte{}, err
	}
	exact := aggregation.Signed(sum, open.WordBits)
	return exact, aggregation.SumHash(exact), nil
}

// survivors is how many vectors are in all cohorts' sums.
func survivors(plan *round.Plan) int {
	n := 0
	for i := range plan.Cohorts {
		n += len(plan.Cohorts[i].Survivors)
	}
	return n
}

func gridOf(open *audit.RoundOpen) aggregation.Grid {
	return aggregation.Grid{C: math.Float32frombits(open.C), CInt: open.CInt, XMax: open.XMax, D: int(open.D), WordBits: open.WordBits}
}

// combine makes one update of the cohorts' means (secure aggregation 14.2).
func combine(means [][]float32) []float32 {
	if len(means) == 1 {
		return means[0]
	}
	return aggregation.TrimmedMean(means, aggregation.Trimmed(len(means)))
}

// errApply means that the sum itself cannot become a model; trying again would not help.
var errApply = errors.New("step model")

func unsettled(why round.Reason, err error) round.Event {
	return round.Event{Kind: round.Unsettled, Why: why, Detail: err.Error()}
}

func shapeOf(open *audit.RoundOpen) aggregation.Shape {
	return aggregation.Shape{D: open.Words(), WordBits: open.WordBits, PRG: open.PRG}
}

func (c *Coordinator) accumulator(shape aggregation.Shape) aggregation.Accumulator {
	if c.cfg.Expand != nil {
		return c.cfg.Expand(shape)
	}
	return aggregation.NewAccumulator(shape)
}

// learnFrom steps the model and stages the results under their hashes. The same inputs give the same bytes.
func (c *Coordinator) learnFrom(open *audit.RoundOpen, mean []float32, members int, clip []byte, start bool) (next, serve [32]byte, err error) {
	b, err := c.blobs.snapshot(open.ModelIn)
	if err != nil {
		return next, serve, err
	}
	snap, err := model.Parse(b)
	if err != nil {
		return next, serve, fmt.Errorf("model %x: %w", open.ModelIn[:8], err)
	}
	opt, err := c.optimizer(open.ModelIn, start)
	if err != nil {
		return next, serve, err
	}
	out, average, err := c.cfg.Task.step(open, snap, opt, mean, members)
	if err != nil {
		return next, serve, fmt.Errorf("%w: %w", errApply, err)
	}
	nextFile, serveFile := out.Encode(), average.Encode()
	next, serve = sha256.Sum256(nextFile), sha256.Sum256(serveFile)
	if err := c.blobs.stage(serve, serveFile, nil, nil); err != nil {
		return next, serve, err
	}
	return next, serve, c.blobs.stage(next, nextFile, opt.Encode(), clip)
}

// step is what a round's mean makes of a model: the biases of a count, or one step of training. The optimiser learns of training alone.
func (t *Task) step(open *audit.RoundOpen, snap *model.Snapshot, opt *model.Optimizer, mean []float32, members int) (next, serve *model.Snapshot, err error) {
	if t.Popularity != nil && open.CodeHash == model.Popularity().Hash() {
		next, err = t.counted(open, snap, mean, members)
		return next, next, err
	}
	update := make([]float32, snap.Layout.Size())
	t.Local.Uplink(snap.Layout, open.ModelIn).Grow(update, mean)
	return opt.Apply(snap, update, int(open.Round)-1-t.warmUp(), t.Rounds)
}

// optimizer is the server optimiser's state that belongs to a model. The start has none, and gets the task's fresh one.
func (c *Coordinator) optimizer(hash [32]byte, start bool) (*model.Optimizer, error) {
	b, err := c.blobs.optimizer(hash)
	if err != nil {
		return nil, err
	}
	if b == nil && start {
		fresh := c.cfg.Task.Optimizer
		return &fresh, nil
	}
	if b == nil {
		return nil, fmt.Errorf("optimiser state of model %x is missing: restore %x.optimizer from a backup", hash[:8], hash)
	}
	opt, err := model.ParseOptimizer(b)
	if err != nil {
		return nil, fmt.Errorf("optimiser state of model %x is damaged, restore it from a backup: %w", hash[:8], err)
	}
	return opt, nil
}

package coordinator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
)

// folder adds the masked vectors of one round up beside the loop, as they become durable, so that when the reveals are in only
// masks are left to take off. It is only ahead of time: what it did not get to, and all that a crash lost, is folded from the
// store when the round is settled. Its memory is the sum of each cohort, and one vector on its way into one.
type folder struct {
	c      *Coordinator
	number uint64
	size   int // bytes of a vector

	mu      sync.Mutex
	jobs    []job
	running bool

	// owned by the one goroutine that runs
	sums []*round.Fold // of the cohorts
	buf  []byte
}

// job is a vector to fold in or out, or the work that ends the round.
type job struct {
	vector round.Vector
	settle func(context.Context) (round.Event, error) // nil: fold the vector
}

func (c *Coordinator) newFolder(open *audit.RoundOpen) *folder {
	shape := shapeOf(open)
	f := &folder{c: c, number: open.Round, size: shape.Bytes()}
	for range max(1, open.Cohorts) {
		f.sums = append(f.sums, round.NewFold(shape, c.accumulator(shape)))
	}
	return f
}

// add queues vectors, which are durable.
func (f *folder) add(ctx context.Context, list []round.Vector) {
	for _, v := range list {
		f.queue(ctx, job{vector: v})
	}
}

func (f *folder) queue(ctx context.Context, j job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs = append(f.jobs, j)
	if !f.running {
		f.running = true
		f.c.works.Go(func() { f.run(ctx) })
	}
}

// stop forgets what is queued: the round has ended.
func (f *folder) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs = nil
}

func (f *folder) next() (job, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.jobs) == 0 {
		f.running = false
		return job{}, false
	}
	j := f.jobs[0]
	f.jobs = f.jobs[1:]
	return j, true
}

// errStore means that the store could not be read, which is not the round's fault: it ends the process.
var errStore = errors.New("read masked vector")

// run does what is queued. Whatever else is wrong with a vector is the round's affair once it is settled, if the vector counts.
func (f *folder) run(ctx context.Context) {
	for {
		j, ok := f.next()
		if !ok {
			return
		}
		if j.settle != nil {
			e, err := j.settle(ctx)
			f.c.report(outcome{f.number, e, err})
		} else if err := f.fold(ctx, j.vector); errors.Is(err, errStore) {
			f.c.report(outcome{f.number, round.Event{}, err})
		}
	}
}

// unmask makes a cohort's sum that of exactly its survivors, which after a round without a crash it is, and takes the masks off.
func (f *folder) unmask(ctx context.Context, plan *round.Plan, cohort int) ([]uint32, error) {
	sum := f.sums[cohort]
	if err := sum.Complete(plan.Cohorts[cohort].Survivors, func(id [32]byte) ([]byte, error) { return f.read(ctx, id) }); err != nil {
		return nil, err
	}
	return round.Settle(plan, cohort, sum)
}

// fold reads a vector from the store, chunk by chunk, and adds it or takes it out.
func (f *folder) fold(ctx context.Context, v round.Vector) error {
	sum := f.sums[v.Cohort]
	if sum.Holds(v) != v.Out {
		return nil // done before
	}
	y, err := f.read(ctx, v.ID)
	if err != nil {
		return err
	}
	return sum.Put(v, y)
}

func (f *folder) read(ctx context.Context, id [32]byte) ([]byte, error) {
	if f.buf == nil {
		f.buf = make([]byte, 0, f.size)
	}
	f.buf = f.buf[:0]
	for len(f.buf) < f.size {
		chunk, err := f.c.store.Chunk(ctx, f.number, id, uint64(len(f.buf)))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errStore, err)
		}
		if len(chunk) == 0 || len(chunk) > f.size-len(f.buf) {
			break // its hash will not be the receipted one
		}
		f.buf = append(f.buf, chunk...)
	}
	return f.buf, nil
}

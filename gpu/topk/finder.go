package topk

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/serve/rank"
)

// finder is a table on a device.
type finder struct {
	device *gpu.Device
	table  *rank.Table
	plan   plan

	exponent   int     // titles are scaled by 2^exponent
	norm, bias float32 // the greatest norm, scaled, and the greatest bias

	do struct{ load, prepare, sample, floor, scan, choose, first, merge, bar *gpu.Function }
	on struct{ vectors, biases, none, tiles, bounds *gpu.Buffer } // what all batches read

	none  rank.Mask // bars what is behind the last title
	lanes chan *lane

	mu     sync.Mutex
	closed bool
	looked looks
}

// lanes is how many batches may be under way: while one is on the device, others come and go.
const lanes = 4

// lane is where a batch is worked on. What it needs is allocated with the first batch, and grows.
type lane struct {
	*finder
	stream *gpu.Stream
	barred *gpu.Buffer
	mask   rank.Mask // what barred holds; nil: nobody knows
	room   room
}

// looks is how many lists came of the first look, needed a higher floor, needed every score.
type looks struct{ first, again, exact int }

// Close frees the device's memory.
func (f *finder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	for _, b := range []*gpu.Buffer{f.on.vectors, f.on.biases, f.on.none, f.on.tiles, f.on.bounds} {
		b.Free()
	}
	var err error
	for range len(f.lanes) {
		err = errors.Join(err, (<-f.lanes).close())
	}
	return err
}

func (l *lane) close() error {
	l.barred.Free()
	l.room.free()
	if l.device.Lost() != nil {
		return nil // the stream went with the device
	}
	return l.stream.Close()
}

// Find is rank.Finder's. Errors: rank.ErrRoom with gpu.ErrMemory, gpu.ErrLost.
func (f *finder) Find(b rank.Batch) ([][]rank.Item, error) {
	n, err := b.Size(f.table)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return nil, errors.New("top-k on the GPU: the finder is closed")
	}
	l := <-f.lanes
	defer func() { f.lanes <- l }()
	lists := make([][]rank.Item, 0, n)
	for from, step := 0, f.plan.queries(b.Each != nil); from < n; from += step {
		part := b
		to := min(from+step, n)
		part.Queries = b.Queries[from*f.plan.dim : to*f.plan.dim]
		if b.Each != nil {
			part.Each = b.Each[from:to]
		}
		if lists, err = l.some(lists, part, to-from); err != nil {
			_ = l.stream.Wait() // what was queued before the error uses the lane's memory
			return nil, fmt.Errorf("top-k on the GPU: %d queries over %d titles: %w", n, f.plan.titles, refused(err, f.device.Lost()))
		}
	}
	return lists, nil
}

// refused tells a lack of memory, which passes, from other errors of a batch; lost is the device's.
func refused(err, lost error) error {
	if lost == nil && errors.Is(err, gpu.ErrMemory) {
		return fmt.Errorf("%w: %w", rank.ErrRoom, err)
	}
	return err
}

// some appends the lists of one pass.
func (l *lane) some(lists [][]rank.Item, b rank.Batch, n int) ([][]rank.Item, error) {
	w, err := l.begin(b, n)
	if err != nil {
		return nil, err
	}
	left, seen := w.all(), looks{}
	if l.plan.width > 0 {
		if left, seen, err = l.quickly(w); err != nil {
			return nil, err
		}
	}
	seen.exact = len(left)
	l.count(seen)
	if len(left) > 0 {
		if err = l.exactly(w, left); err == nil {
			err = l.read(w)
		}
		if err != nil {
			return nil, err
		}
	}
	return w.append(lists)
}

func (f *finder) count(seen looks) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked.first += seen.first
	f.looked.again += seen.again
	f.looked.exact += seen.exact
}

// quickly makes lists by way of floors, and tells which queries are left.
func (l *lane) quickly(w work) (left []uint32, seen looks, err error) {
	if err := l.prepare(w); err != nil {
		return nil, seen, err
	}
	if err := l.look(w); err != nil {
		return nil, seen, err
	}
	seen = looks{first: w.n - len(w.left(runs, full, exact)), again: len(w.left(full))}
	if seen.again > 0 { // the kernel has set a higher floor
		if err := l.look(w); err != nil {
			return nil, seen, err
		}
	}
	return w.left(runs, full, exact), seen, nil
}

// prepare queues what makes floors of queries. A step that is not queued leaves numbers that the next must not read.
func (l *lane) prepare(w work) error {
	f, p, r := l.finder, l.plan, &l.room
	err := l.stream.Launch(f.do.prepare, gpu.Dim{X: (w.padded*32 + threads - 1) / threads}, gpu.Dim{X: threads}, 0, r.halves, r.needs, r.slack, r.out, r.counts,
		w.queries(), uint32(w.n), uint32(w.padded), uint32(p.dim), uint32(p.steps()), int32(f.exponent), f.norm, f.bias)
	if err == nil {
		err = l.stream.Launch(f.do.sample, gpu.Dim{X: p.sampleBlocks, Y: w.padded / p.rows}, gpu.Dim{X: threads}, p.shared, r.maxima, uint32(p.slots), uint32(p.together),
			f.on.tiles, f.on.bounds, f.on.biases, f.biased(), uint32(p.sampled), uint32(p.every), r.halves, r.needs, uint32(w.n), uint32(p.stages),
			w.shared, r.own, w.which(), uint32(p.tiles))
	}
	if err == nil {
		err = l.stream.Launch(f.do.floor, gpu.Dim{X: w.n}, gpu.Dim{X: threads}, 0, r.needs, r.slack, r.out, r.maxima, uint32(p.slots), uint32(w.want), uint32(w.n))
	}
	return err
}

// look makes lists of all titles and reads them.
func (l *lane) look(w work) error {
	if err := l.scan(w); err != nil {
		return err
	}
	return l.read(w)
}

// scan queues what looks at all titles and makes lists.
func (l *lane) scan(w work) error {
	f, p, r := l.finder, l.plan, &l.room
	err := l.stream.Launch(f.do.scan, gpu.Dim{X: p.blocks, Y: w.padded / p.rows}, gpu.Dim{X: threads}, p.shared, r.counts, r.found,
		f.on.tiles, f.on.bounds, f.on.biases, f.biased(), uint32(p.tiles), uint32(1), r.halves, r.needs, uint32(w.n), uint32(p.stages),
		w.shared, r.own, w.which(), uint32(p.tiles))
	if err == nil {
		err = l.stream.Launch(f.do.choose, gpu.Dim{X: w.n}, gpu.Dim{X: threads}, 0, w.lists(), r.out, w.lengths(), r.needs, r.slack, r.counts, r.found, f.on.bounds,
			w.queries(), f.on.vectors, f.on.biases, uint32(p.dim), uint32(w.want), uint32(w.n))
	}
	return err
}

func (f *finder) biased() uint32 {
	if f.bias > 0 {
		return 1
	}
	return 0
}

package topk

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/serve/rank"
)

// finder is a table on a device. One batch is under way at a time.
type finder struct {
	device *gpu.Device
	stream *gpu.Stream
	table  *rank.Table
	plan   plan

	exponent   int     // titles are scaled by 2^exponent
	norm, bias float32 // the greatest norm, scaled, and the greatest bias

	do struct{ load, prepare, sample, floor, scan, choose, first, merge *gpu.Function }
	on struct{ vectors, biases, none, barred, tiles, bounds *gpu.Buffer } // what stays

	none rank.Mask // bars what is behind the last title

	mu     sync.Mutex
	mask   rank.Mask // what barred holds; nil: nobody knows
	room   room
	looked struct{ first, again, exact int } // queries whose lists came of the first look, needed a higher floor, needed every score
	closed bool
}

// Close frees the device's memory.
func (f *finder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	for _, b := range []*gpu.Buffer{f.on.vectors, f.on.biases, f.on.none, f.on.barred, f.on.tiles, f.on.bounds} {
		b.Free()
	}
	f.room.free()
	if f.stream == nil || f.device.Lost() != nil {
		return nil // it went with the device
	}
	return f.stream.Close()
}

// Find is rank.Finder's.
func (f *finder) Find(b rank.Batch) ([][]rank.Item, error) {
	n, err := b.Size(f.table)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errors.New("top-k on the GPU: the finder is closed")
	}
	lists := make([][]rank.Item, 0, n)
	for from, step := 0, f.plan.queries(b.Each != nil); from < n; from += step {
		part := b
		to := min(from+step, n)
		part.Queries = b.Queries[from*f.plan.dim : to*f.plan.dim]
		if b.Each != nil {
			part.Each = b.Each[from:to]
		}
		if lists, err = f.some(lists, part, to-from); err != nil {
			return nil, fmt.Errorf("top-k on the GPU: %d queries over %d titles: %w", n, f.plan.titles, err)
		}
	}
	return lists, nil
}

// some appends the lists of one pass.
func (f *finder) some(lists [][]rank.Item, b rank.Batch, n int) ([][]rank.Item, error) {
	w, err := f.begin(b, n)
	if err != nil {
		return nil, err
	}
	left := w.all()
	if f.plan.width > 0 {
		if left, err = f.quickly(w); err != nil {
			return nil, err
		}
	}
	f.looked.exact += len(left)
	if len(left) > 0 {
		if err := errors.Join(f.exactly(w, left), f.read(w)); err != nil {
			return nil, err
		}
	}
	return w.append(lists)
}

// quickly makes lists by way of floors, and tells which queries are left.
func (f *finder) quickly(w work) ([]uint32, error) {
	if err := errors.Join(f.prepare(w), f.scan(w), f.read(w)); err != nil {
		return nil, err
	}
	again := len(w.left(full))
	f.looked.first += w.n - len(w.left(runs, full, exact))
	f.looked.again += again
	if again > 0 { // the kernel has set a higher floor
		if err := errors.Join(f.scan(w), f.read(w)); err != nil {
			return nil, err
		}
	}
	return w.left(runs, full, exact), nil
}

// prepare queues what makes floors of queries.
func (f *finder) prepare(w work) error {
	p, r := f.plan, &f.room
	return errors.Join(
		f.stream.Launch(f.do.prepare, gpu.Dim{X: (w.padded*32 + threads - 1) / threads}, gpu.Dim{X: threads}, 0, r.halves, r.needs, r.slack, r.out, r.counts,
			w.queries(), uint32(w.n), uint32(w.padded), uint32(p.dim), uint32(p.steps()), int32(f.exponent), f.norm, f.bias),
		f.stream.Launch(f.do.sample, gpu.Dim{X: p.sampleBlocks, Y: w.padded / p.rows}, gpu.Dim{X: threads}, p.shared, r.maxima, uint32(p.slots), uint32(p.together),
			f.on.tiles, f.on.bounds, f.on.biases, f.biased(), uint32(p.sampled), uint32(p.every), r.halves, r.needs, uint32(w.n), uint32(p.stages),
			w.shared, r.own, w.which(), uint32(p.tiles)),
		f.stream.Launch(f.do.floor, gpu.Dim{X: w.n}, gpu.Dim{X: threads}, 0, r.needs, r.slack, r.out, r.maxima, uint32(p.slots), uint32(w.want), uint32(w.n)))
}

// scan queues what looks at all titles and makes lists.
func (f *finder) scan(w work) error {
	p, r := f.plan, &f.room
	return errors.Join(
		f.stream.Launch(f.do.scan, gpu.Dim{X: p.blocks, Y: w.padded / p.rows}, gpu.Dim{X: threads}, p.shared, r.counts, r.found,
			f.on.tiles, f.on.bounds, f.on.biases, f.biased(), uint32(p.tiles), uint32(1), r.halves, r.needs, uint32(w.n), uint32(p.stages),
			w.shared, r.own, w.which(), uint32(p.tiles)),
		f.stream.Launch(f.do.choose, gpu.Dim{X: w.n}, gpu.Dim{X: threads}, 0, w.lists(), r.out, w.lengths(), r.needs, r.slack, r.counts, r.found, f.on.bounds,
			w.queries(), f.on.vectors, f.on.biases, uint32(p.dim), uint32(w.want), uint32(w.n)))
}

func (f *finder) biased() uint32 {
	if f.bias > 0 {
		return 1
	}
	return 0
}

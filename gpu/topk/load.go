package topk

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/serve/rank"
)

// Kernels are the compiled kernels on a device. They open finders, any number of them.
type Kernels struct {
	device *gpu.Device
	module *gpu.Module
}

// Load compiles the kernels for a device.
func Load(d *gpu.Device) (*Kernels, error) {
	m, err := d.Load(kernels.TopK)
	if err != nil {
		return nil, fmt.Errorf("top-k on the GPU: %w", err)
	}
	return &Kernels{d, m}, nil
}

// Close unloads the kernels; every finder is closed.
func (k *Kernels) Close() error { return k.module.Unload() }

// Open puts a table on the device: rank.Open. Errors: gpu.ErrMemory where it has no room, gpu.ErrLost.
func (k *Kernels) Open(t *rank.Table) (rank.Finder, error) { return k.open(t) }

func (k *Kernels) open(t *rank.Table) (*finder, error) {
	info := k.device.Info()
	f := &finder{device: k.device, plan: newPlan(t.Titles(), t.Dim(), info.Processors, info.Shared), table: t, lanes: make(chan *lane, lanes)}
	err := f.find(k.module)
	for i := 0; i < lanes && err == nil; i++ {
		l := &lane{finder: f}
		if l.stream, err = k.device.Stream(); err == nil {
			f.lanes <- l
		}
	}
	if err == nil {
		l := <-f.lanes
		err = l.load(t)
		f.lanes <- l
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("top-k on the GPU: put %d titles of width %d there: %w", t.Titles(), t.Dim(), err), f.Close())
	}
	return f, nil
}

// find looks the functions up.
func (f *finder) find(m *gpu.Module) error {
	width := strconv.Itoa(max(f.plan.width, 32))
	for _, want := range []struct {
		name string
		into **gpu.Function
	}{
		{"topk_load", &f.do.load}, {"topk_prepare", &f.do.prepare}, {"topk_sample_" + width, &f.do.sample}, {"topk_floor", &f.do.floor},
		{"topk_scan_" + width, &f.do.scan}, {"topk_choose", &f.do.choose}, {"topk_exact_first", &f.do.first}, {"topk_exact_merge", &f.do.merge}, {"topk_bar", &f.do.bar},
	} {
		var err error
		if *want.into, err = m.Function(want.name); err != nil {
			return err
		}
	}
	if f.plan.width == 0 {
		return nil
	}
	if err := f.do.sample.Shared(f.plan.shared); err != nil {
		return err
	}
	return f.do.scan.Shared(f.plan.shared)
}

// load copies a table, and makes halves and bounds of it.
func (l *lane) load(t *rank.Table) error {
	f, p := l.finder, &l.plan
	for _, want := range []struct {
		into  **gpu.Buffer
		bytes int
	}{
		{&f.on.vectors, 4 * p.titles * p.dim}, {&f.on.biases, 4 * tile * p.tiles}, {&f.on.none, 8 * p.tiles},
		{&f.on.tiles, p.tileBytes() * p.tiles}, {&f.on.bounds, 16 * p.tiles},
	} {
		var err error
		if *want.into, err = f.device.Alloc(max(want.bytes, 16)); err != nil {
			return err
		}
	}
	f.none = make(rank.Mask, p.tiles)
	if p.titles%tile > 0 {
		f.none[p.tiles-1] = ^uint64(0) << (p.titles % tile)
	}
	err := l.upload(t)
	if err == nil && p.width > 0 {
		err = l.bound(t)
	}
	return errors.Join(err, l.stream.Wait()) // after an error too: what was queued before it uses the memory
}

// upload queues the copies of a table.
func (l *lane) upload(t *rank.Table) error {
	on := &l.finder.on
	err := l.stream.Upload(on.vectors, 0, gpu.Bytes(t.Vectors()))
	if err == nil {
		err = l.stream.Zero(on.biases, 0, on.biases.Len())
	}
	if err == nil {
		err = l.stream.Upload(on.biases, 0, gpu.Bytes(t.Biases()))
	}
	if err == nil {
		err = l.stream.Upload(on.none, 0, gpu.Bytes(l.none))
	}
	return err
}

// bound makes halves of vectors, with the bounds of what that loses, and reads the greatest norm.
func (l *lane) bound(t *rank.Table) error {
	f, p := l.finder, &l.plan
	f.exponent, f.bias = halfExponent(greatest(t.Vectors())), greatest(t.Biases())
	err := l.stream.Launch(f.do.load, gpu.Dim{X: p.tiles}, gpu.Dim{X: tile}, 0, f.on.tiles, f.on.bounds, f.on.vectors, f.on.biases,
		uint32(p.titles), uint32(p.dim), uint32(p.steps()), int32(f.exponent))
	if err != nil {
		return err
	}
	bounds := make([]float32, 4*p.tiles)
	if err := l.stream.Download(gpu.Bytes(bounds), f.on.bounds, 0); err != nil {
		return err
	}
	for i := 0; i < len(bounds); i += 4 {
		f.norm = max(f.norm, bounds[i])
	}
	return nil
}

// greatest is the greatest size of a number.
func greatest(x []float32) float32 {
	var m float32
	for _, v := range x {
		m = max(m, v, -v)
	}
	return m
}

// halfExponent is by which power of two numbers up to the greatest are scaled, so that they lie well inside half precision.
func halfExponent(greatest float32) int {
	if greatest == 0 {
		return 0
	}
	return 13 - math.Ilogb(float64(greatest))
}

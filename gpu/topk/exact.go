package topk

import (
	"errors"

	"github.com/cinesync/cinesync/gpu"
)

// exactly makes the lists of some queries by scoring every title in float64, the best of 4096 titles at a time, then the best of those.
func (f *finder) exactly(w work, which []uint32) error {
	const room = 64 << 20
	blocks := (f.plan.titles + most - 1) / most
	step := min(len(which), pass, max(1, room/(8*blocks*w.want)))
	first, err := f.device.Alloc(8 * step * blocks * w.want)
	if err != nil {
		return err
	}
	defer first.Free()
	second, err := f.device.Alloc(8 * step * merged(blocks*w.want) * w.want)
	if err != nil {
		return err
	}
	defer second.Free()
	whose, err := f.device.Alloc(4 * step)
	if err != nil {
		return err
	}
	defer whose.Free()
	for ; len(which) > 0 && err == nil; which = which[min(step, len(which)):] {
		part := which[:min(step, len(which))]
		err = errors.Join(f.stream.Upload(whose, 0, gpu.Bytes(part)),
			f.stream.Launch(f.do.first, gpu.Dim{X: blocks, Y: len(part)}, gpu.Dim{X: threads}, 0, first, whose, w.queries(), f.on.vectors, f.on.biases,
				uint32(f.plan.titles), uint32(f.plan.dim), uint32(w.want), w.shared, f.room.own, w.which(), uint32(f.plan.tiles)),
			f.merge(w, first, second, blocks*w.want, whose, len(part)), f.stream.Wait())
	}
	return err
}

// merged is how many blocks merge so many keys.
func merged(keys int) int { return (keys + most - 1) / most }

// merge queues merges of keys, so many for each query, until one block does the last and writes the lists.
func (f *finder) merge(w work, from, to *gpu.Buffer, keys int, whose *gpu.Buffer, queries int) error {
	for {
		blocks := merged(keys)
		if err := f.stream.Launch(f.do.merge, gpu.Dim{X: blocks, Y: queries}, gpu.Dim{X: threads}, 0, to, from, uint32(keys), whose, w.lists(), f.room.out,
			w.lengths(), uint32(w.want)); err != nil || blocks == 1 {
			return err
		}
		from, to, keys = to, from, blocks*w.want
	}
}

package topk

import "github.com/cinesync/cinesync/gpu"

// exactly makes the lists of some queries by scoring every title in float64, the best of 4096 titles at a time, then the best of those.
func (l *lane) exactly(w work, which []uint32) error {
	const room = 64 << 20
	blocks := (l.plan.titles + most - 1) / most
	step := min(len(which), pass, max(1, room/(8*blocks*w.want)))
	var first, second, whose *gpu.Buffer
	defer func() {
		_ = l.stream.Wait() // after an error something may still run; another error says nothing new
		for _, b := range []*gpu.Buffer{first, second, whose} {
			b.Free()
		}
	}()
	for _, want := range []struct {
		into  **gpu.Buffer
		bytes int
	}{{&first, 8 * step * blocks * w.want}, {&second, 8 * step * merged(blocks*w.want) * w.want}, {&whose, 4 * step}} {
		var err error
		if *want.into, err = l.device.Alloc(want.bytes); err != nil {
			return err
		}
	}
	for ; len(which) > 0; which = which[min(step, len(which)):] {
		part := which[:min(step, len(which))]
		if err := l.stream.Upload(whose, 0, gpu.Bytes(part)); err != nil {
			return err
		}
		if err := l.stream.Launch(l.do.first, gpu.Dim{X: blocks, Y: len(part)}, gpu.Dim{X: threads}, 0, first, whose, w.queries(), l.on.vectors, l.on.biases,
			uint32(l.plan.titles), uint32(l.plan.dim), uint32(w.want), w.shared, l.room.own, w.which(), uint32(l.plan.tiles)); err != nil {
			return err
		}
		if err := l.merge(w, first, second, blocks*w.want, whose, len(part)); err != nil {
			return err
		}
		if err := l.stream.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// merged is how many blocks merge so many keys.
func merged(keys int) int { return (keys + most - 1) / most }

// merge queues merges of keys, so many for each query, until one block does the last and writes the lists.
func (l *lane) merge(w work, from, to *gpu.Buffer, keys int, whose *gpu.Buffer, queries int) error {
	for {
		blocks := merged(keys)
		if err := l.stream.Launch(l.do.merge, gpu.Dim{X: blocks, Y: queries}, gpu.Dim{X: threads}, 0, to, from, uint32(keys), whose, w.lists(), l.room.out,
			w.lengths(), uint32(w.want)); err != nil || blocks == 1 {
			return err
		}
		from, to, keys = to, from, blocks*w.want
	}
}

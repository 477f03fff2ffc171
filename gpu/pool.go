package gpu

import (
	"fmt"
	"math/bits"
	"slices"
)

// pool is the memory of a device that this process holds: buffers in use, and freed ones kept for the next of their size, since
// the driver's own allocation waits for the device.
type pool struct {
	budget, used, kept int64
	free               map[int64][]uint64 // by size
}

// class rounds a size up to 256 bytes and to an eighth of its power of two, so that sizes that differ little share memory.
func class(bytes int) int64 {
	n := max(int64(bytes), 256)
	step := max(int64(256), int64(1)<<max(0, bits.Len64(uint64(n-1))-4))
	return (n + step - 1) / step * step
}

// take gives a kept piece of a size, or 0. The pool must have been asked whether it has room.
func (p *pool) take(size int64) uint64 {
	list := p.free[size]
	if len(list) == 0 {
		return 0
	}
	at := list[len(list)-1]
	p.free[size] = list[:len(list)-1]
	p.kept -= size
	p.used += size
	return at
}

// room says whether so many bytes more may be in use.
func (p *pool) room(size int64) error {
	if size > p.budget-p.used {
		return fmt.Errorf("%w: %d bytes wanted, and %d of the budget of %d are in use", ErrMemory, size, p.used, p.budget)
	}
	return nil
}

// give keeps a piece for later.
func (p *pool) give(at uint64, size int64) {
	if p.free == nil {
		p.free = map[int64][]uint64{}
	}
	p.free[size] = append(p.free[size], at)
	p.used -= size
	p.kept += size
}

// spare removes kept pieces, the largest first, until so many bytes more fit the budget; all of them for a need beyond it.
func (p *pool) spare(need int64) (out []uint64) {
	sizes := make([]int64, 0, len(p.free))
	for size := range p.free {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	slices.Reverse(sizes)
	for _, size := range sizes {
		for len(p.free[size]) > 0 && p.used+p.kept > p.budget-need {
			last := len(p.free[size]) - 1
			out = append(out, p.free[size][last])
			p.free[size] = p.free[size][:last]
			p.kept -= size
		}
	}
	return out
}

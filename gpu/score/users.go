package score

import (
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
)

// batch is the users that are on the device together. Tables lie turned: a row a coordinate, stride apart.
type batch struct {
	users, stride int
	from, items   *gpu.Buffer // histories: users + 1 places, and the titles
	query, mine   *gpu.Buffer // d × stride; NCF: h1 × stride
}

// weights are the tables of a pooled history (model, layout ages), channels × most: by age and unscaled, by length less one what scales,
// and by length less one the sum of the scaled weights.
type weights struct{ decay, norm, mass []float32 }

// weightsOf lays the model's own tables out for kernels.
func weightsOf(ages []float32, most int) weights {
	w := weights{make([]float32, len(ages)*most), make([]float32, len(ages)*most), make([]float32, len(ages)*most)}
	decay, norm := model.PoolTables(ages, most)
	for c := range ages {
		of := w.decay[c*most : (c+1)*most]
		copy(of, decay[c]) // what is not there weighs nothing
		copy(w.norm[c*most:(c+1)*most], norm[c])
		var sum float32
		for age, x := range of {
			sum += x
			w.mass[c*most+age] = sum * norm[c][age]
		}
	}
	return w
}

// errTitle is a title that a model does not have.
func errTitle(item, n int) error {
	return fmt.Errorf("title %d is outside the model, 0 to %d", item, n-1)
}

// begins is where each of n lists begins when they lie behind each other, and where the last ends.
func begins(n int, length func(i int) int) []uint32 {
	from := make([]uint32, n+1)
	for i := range n {
		from[i+1] = from[i] + uint32(length(i))
	}
	return from
}

// copyTitles copies titles, and stops at one that is not below n: the kernels look titles up without asking.
func copyTitles(dst []uint32, items []int, n int) (wrong int, ok bool) {
	for i, item := range items {
		if uint(item) >= uint(n) {
			return item, false
		}
		dst[i] = uint32(item)
	}
	return 0, true
}

// fill fills dst with n lists, on all cores. list copies list i.
func fill(n int, from, dst []uint32, list func(dst []uint32, i int) error) error {
	const each = 128
	errs := make([]error, blocks(n, each))
	par.Do(len(errs), func(b int) {
		for i := b * each; i < min(n, (b+1)*each) && errs[b] == nil; i++ {
			errs[b] = list(dst[from[i]:from[i+1]], i)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// solve makes the vectors of some histories in memory f.
func (m *Model) solve(f *memory, histories [][]int) *batch {
	x := m.shape
	from := begins(len(histories), func(i int) int { return len(histories[i]) })
	most := 1
	for _, h := range histories {
		most = max(most, len(h))
	}
	items := m.stage(f, 0, int(from[len(histories)]))
	if f.err == nil {
		f.err = fill(len(histories), from, items, func(dst []uint32, i int) error {
			if item, ok := copyTitles(dst, histories[i], x.n); !ok {
				return fmt.Errorf("history %d: %w", i, errTitle(item, x.n))
			}
			return nil
		})
	}
	u := &batch{users: len(histories), stride: round(len(histories), tile), from: f.ids(from), items: f.ids(items)}
	w := weightsOf(m.ages, most)
	decay, norm, mass := f.floats(w.decay), f.floats(w.norm), f.floats(w.mass)
	pooled := f.words(x.channels * x.d * u.stride)
	u.query = f.words(x.d * u.stride)
	f.launch(m.kernels.pool, gpu.Dim{X: u.users}, min(threads, round(x.d, warp)), 0, pooled, m.v, u.from, u.items, decay, norm, uint32(most), uint32(x.channels), uint32(x.d), uint32(u.users), uint32(u.stride))
	over := gpu.Dim{X: blocks(u.stride, threads), Y: x.d}
	if !x.ncf {
		f.launch(m.kernels.project, over, threads, 0, u.query, pooled, m.turned, m.turned, uint32(0), uint32(x.channels*x.d), uint32(u.stride))
		return u
	}
	vector := f.words(x.d * u.stride)
	for c := range x.channels {
		at, alike := m.first, uint32(1)
		if c > 0 {
			at, alike = m.attend(f, u.query, u.users, u.stride), 0
		}
		begin := uint32(0)
		if c == 0 {
			begin = 1
		}
		f.launch(m.kernels.step, over, threads, 0, vector, u.query, gpu.At{Buffer: pooled, Off: 4 * c * x.d * u.stride}, gpu.At{Buffer: m.ncf.rates, Off: 4 * c * x.d}, m.ncf.h,
			u.from, gpu.At{Buffer: mass, Off: 4 * c * most}, uint32(most), at.sums, at.tops, at.masses, uint32(at.slices), uint32(at.rows), alike, begin, uint32(x.d), uint32(u.users), uint32(u.stride))
	}
	u.mine = f.words(x.h1 * u.stride)
	f.launch(m.kernels.project, gpu.Dim{X: blocks(u.stride, threads), Y: x.h1}, threads, 0, u.mine, vector, m.ncf.p, m.ncf.c1, uint32(1), uint32(x.d), uint32(u.stride))
	return u
}

// attend queues the means of the titles' vectors as the queries weigh them.
func (m *Model) attend(f *memory, query *gpu.Buffer, users, stride int) mean {
	x := m.shape
	slices, tiles := x.slices(users, m.device.Info().Processors)
	out := mean{f.words(slices * users * x.d), f.words(slices * users), f.words(slices * users), slices, users}
	f.launch(m.kernels.attend(x.d), gpu.Dim{X: blocks(users, tile), Y: slices}, threads, x.attendBytes(), query, m.vt, m.bias, uint32(x.d), uint32(x.n), uint32(x.stride()),
		uint32(users), uint32(stride), uint32(tiles), out.sums, out.tops, out.masses)
	return out
}

package score

import (
	"math"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/internal/par"
)

// batch is the users that are on the device together. Tables lie turned: a row a coordinate, stride apart.
type batch struct {
	users, stride int
	from, items   *gpu.Buffer // histories: users + 1 places, and the titles
	query, mine   *gpu.Buffer // d × stride; NCF: h1 × stride
}

// weights are the tables of a pooled history (model, layout ages), channels × most: by age and unscaled, by length less one what scales,
// and by length less one the sum of the scaled weights. They are the CPU's: float64 rounded once.
type weights struct {
	decay, norm, mass []float32
	most              int
}

// negligible is the part of a weight's largest below which float32 sums do not see it.
const negligible = 1.0 / (1 << 24)

func weightsOf(ages []float32, most int) weights {
	w := weights{make([]float32, len(ages)*most), make([]float32, len(ages)*most), make([]float32, len(ages)*most), most}
	for c, a := range ages {
		var square float64
		var sum float32
		for age := range most {
			x := 1.0
			if a > 0 {
				x = math.Exp(-float64(age) / float64(a))
			}
			square += x * x
			i := c*most + age
			if x >= negligible {
				w.decay[i] = float32(x)
			}
			sum += w.decay[i]
			w.norm[i] = float32(1 / math.Sqrt(square))
			w.mass[i] = sum * w.norm[i]
		}
	}
	return w
}

// flatten puts n lists behind each other, on all cores: where each begins, and all titles. A list is two pieces.
func flatten(n int, list func(i int) [2][]int) (from, items []uint32) {
	from = make([]uint32, n+1)
	for i := range n {
		l := list(i)
		from[i+1] = from[i] + uint32(len(l[0])+len(l[1]))
	}
	items = make([]uint32, from[n])
	const each = 256
	par.Do(blocks(n, each), func(b int) {
		for i := b * each; i < min(n, (b+1)*each); i++ {
			at := from[i]
			for _, piece := range list(i) {
				for _, item := range piece {
					items[at] = uint32(item)
					at++
				}
			}
		}
	})
	return from, items
}

// solve makes the vectors of some histories in memory f.
func (m *Model) solve(f *memory, histories [][]int) *batch {
	x := m.shape
	from, items := flatten(len(histories), func(i int) [2][]int { return [2][]int{histories[i]} })
	most := 1
	for _, h := range histories {
		most = max(most, len(h))
	}
	u := &batch{users: len(histories), stride: round(len(histories), tile), from: f.ids(from), items: f.ids(items)}
	w := weightsOf(m.ages, most)
	decay, norm, mass := f.floats(w.decay), f.floats(w.norm), f.floats(w.mass)
	pooled := f.words(x.channels * x.d * u.stride)
	u.query = f.words(x.d * u.stride)
	f.launch(m.at.pool, gpu.Dim{X: u.users}, min(threads, round(x.d, warp)), 0, pooled, m.v, u.from, u.items, decay, norm, uint32(most), uint32(x.channels), uint32(x.d), uint32(u.users), uint32(u.stride))
	over := gpu.Dim{X: blocks(u.stride, threads), Y: x.d}
	if !x.ncf {
		f.launch(m.at.project, over, threads, 0, u.query, pooled, m.turned, m.turned, uint32(0), uint32(x.channels*x.d), uint32(u.stride))
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
		f.launch(m.at.step, over, threads, 0, vector, u.query, gpu.At{Buffer: pooled, Off: 4 * c * x.d * u.stride}, gpu.At{Buffer: m.ncf.rates, Off: 4 * c * x.d}, m.ncf.h,
			u.from, gpu.At{Buffer: mass, Off: 4 * c * most}, uint32(most), at.sums, at.tops, at.masses, uint32(at.slices), uint32(at.rows), alike, begin, uint32(x.d), uint32(u.users), uint32(u.stride))
	}
	u.mine = f.words(x.h1 * u.stride)
	f.launch(m.at.project, gpu.Dim{X: blocks(u.stride, threads), Y: x.h1}, threads, 0, u.mine, vector, m.ncf.p, m.ncf.c1, uint32(1), uint32(x.d), uint32(u.stride))
	return u
}

// attend queues the means of the titles' vectors as the queries weigh them.
func (m *Model) attend(f *memory, query *gpu.Buffer, users, stride int) mean {
	x := m.shape
	slices, tiles := x.slices(users, m.device.Info().Processors)
	out := mean{f.words(slices * users * x.d), f.words(slices * users), f.words(slices * users), slices, users}
	f.launch(m.at.attend, gpu.Dim{X: blocks(users, tile), Y: slices}, threads, x.attendBytes(), query, m.vt, m.bias, uint32(x.d), uint32(x.n), uint32(x.stride()),
		uint32(users), uint32(stride), uint32(tiles), out.sums, out.tops, out.masses)
	return out
}

package model

import (
	"math"

	"github.com/cinesync/cinesync/model/kernel"
)

// pool weighs the items of a history in each channel of a layout: channel c gives the item of age a (0 the newest) the weight
// exp(−a/ages[c]), or 1 where ages[c] is 0, scaled so that the squares of all weights sum to 1.
type pool struct {
	ages  []float32
	decay [][]float32 // by channel and age, unscaled; ends where nothing is left of a weight
	norm  [][]float32 // by channel and number of items less one: what scales
}

// negligible is the part of a weight's largest below which float32 sums do not see it.
const negligible = 1.0 / (1 << 24)

func newPool(ages []float32) *pool {
	return &pool{ages: ages, decay: make([][]float32, len(ages)), norm: make([][]float32, len(ages))}
}

// grow makes the tables long enough for n items.
func (p *pool) grow(n int) {
	if len(p.norm[0]) >= n {
		return
	}
	n = max(n, 2*len(p.norm[0]))
	for c, a := range p.ages {
		p.decay[c], p.norm[c] = p.decay[c][:0], p.norm[c][:0]
		var square float64
		for age := range n {
			w := 1.0
			if a > 0 {
				w = math.Exp(-float64(age) / float64(a))
			}
			square += w * w
			if w >= negligible {
				p.decay[c] = append(p.decay[c], float32(w))
			}
			p.norm[c] = append(p.norm[c], float32(1/math.Sqrt(square)))
		}
	}
}

// weights are those of n items in channel c by age: w[age]·scale. Items that are older than w is long weigh nothing.
func (p *pool) weights(c, n int) (w []float32, scale float32) {
	p.grow(n)
	return p.decay[c][:min(n, len(p.decay[c]))], p.norm[c][n-1]
}

// mass is the sum of the weights of n items in channel c.
func (p *pool) mass(c, n int) (sum float32) {
	w, scale := p.weights(c, n)
	for _, x := range w {
		sum += x
	}
	return sum * scale
}

// forward writes Σ_j w_c(age_j) V[j] to dst, a row of d for each channel; rows are stride apart.
func (p *pool) forward(dst []float32, stride int, v []float32, past []int, d int) {
	for c := range p.ages {
		row := dst[c*stride : c*stride+d]
		clear(row)
		w, scale := p.weights(c, len(past))
		for age, x := range w {
			item := past[len(past)-1-age]
			kernel.Axpy(x*scale, v[item*d:(item+1)*d], row)
		}
	}
}

// backward adds rate times the gradient at the items' vectors to gv, given the gradient at forward's rows.
func (p *pool) backward(gv, rows []float32, stride int, past []int, d int, rate float32) {
	for c := range p.ages {
		row := rows[c*stride : c*stride+d]
		w, scale := p.weights(c, len(past))
		for age, x := range w {
			item := past[len(past)-1-age]
			kernel.Axpy(rate*x*scale, row, gv[item*d:(item+1)*d])
		}
	}
}

// PoolTables are what Pooling's weights of up to n items are made of, for engines that keep them elsewhere: the weight of the item of age a
// among m items in channel c is decay[c][a]·norm[c][m−1], and 0 where decay[c] is not that long.
func PoolTables(ages []float32, n int) (decay, norm [][]float32) {
	p := newPool(ages)
	p.grow(n)
	return p.decay, p.norm
}

// Pooling is the weight of each of n history items, oldest first, in each channel.
func Pooling(ages []float32, n int) [][]float32 {
	p, out := newPool(ages), make([][]float32, len(ages))
	for c := range out {
		out[c] = make([]float32, n)
		w, scale := p.weights(c, n)
		for age, x := range w {
			out[c][n-1-age] = x * scale
		}
	}
	return out
}

package model

import (
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// candidates are the titles that a sampled softmax compares: negatives that all cuts of a step share, then the targets of every
// cut, gathered in one block.
type candidates struct {
	items []int
	drawn int       // of them, the negatives
	v, dv []float32 // candidates × d
	b, db []float32
	own   []int // places of a cut's own targets
}

// shut is a score that a softmax gives no weight.
const shut = -1e30

// some is the softmax over a sample, for catalogues too large for a whole one: l.Negatives titles drawn uniformly for the step. Their
// scores are raised by log(titles/drawn), so that the sum over them stands for the whole catalogue's (the logQ correction of a
// uniform draw; Bengio and Senécal 2008). A draw that is one of a cut's targets does not count for that cut.
func (t *towerTrainer) some(from, dst []float32, cuts []Cut, l Local, first bool) float64 {
	d, n, k := t.m.layout.Dim, len(t.m.layout.Items), len(cuts)
	v, b := t.m.layout.tensor(from, "v"), t.m.layout.tensor(from, "b")
	dv, db := t.m.layout.tensor(dst, "v"), t.m.layout.tensor(dst, "b")
	if first {
		clear(dv)
		clear(db)
	}
	c := &t.sampled
	c.copy(v, b, d)
	m := len(c.items)
	t.scores = room(t.scores, k*m)
	kernel.NT(t.scores, t.z, c.v, k, m, d)
	var loss float64
	at := c.drawn
	for i, cut := range cuts {
		s := t.scores[i*m : (i+1)*m]
		kernel.Add(s, c.b)
		loss += crossEntropy(s, c.keep(s, cut, at, n)) / float64(k)
		at += len(cut.Next)
	}
	kernel.NN(t.dz, t.scores, c.v, k, d, m)
	c.dv, c.db = room(c.dv, m*d), room(c.db, m)
	kernel.TN(c.dv, t.scores, t.z, m, d, k)
	clear(c.db)
	kernel.SumRows(c.db, t.scores, k)
	c.scatter(dv, db, c.dv, c.db, d, -l.Rate/float32(k))
	return loss
}

// draw draws the negatives, which come first, and adds the targets of the cuts, one cut after another.
func (c *candidates) draw(cuts []Cut, l Local, n int, rng *rand.Rand) {
	c.items = DrawNegatives(c.items[:0], l, n, rng)
	c.with(cuts)
}

// with makes what is drawn the negatives, and adds the targets of the cuts.
func (c *candidates) with(cuts []Cut) {
	c.drawn = len(c.items)
	for _, cut := range cuts {
		c.items = append(c.items, cut.Next...)
	}
}

// copy gathers the candidates' rows.
func (c *candidates) copy(v, b []float32, d int) {
	c.v, c.b = room(c.v, len(c.items)*d), room(c.b, len(c.items))
	for j, item := range c.items {
		copy(c.v[j*d:(j+1)*d], v[item*d:(item+1)*d])
		c.b[j] = b[item]
	}
}

// scatter adds rate times the candidates' gradients to the rows they came from.
func (c *candidates) scatter(v, b, dv, db []float32, d int, rate float32) {
	for j, item := range c.items {
		kernel.Axpy(rate, dv[j*d:(j+1)*d], v[item*d:(item+1)*d])
		b[item] += rate * db[j]
	}
}

// keep shuts what a cut does not compare, raises what stands for the catalogue, and gives the places of the cut's targets, which
// begin at at, of n titles.
func (c *candidates) keep(s []float32, cut Cut, at, n int) []int {
	c.own = c.own[:0]
	raise := float32(math.Log(float64(n) / float64(c.drawn)))
	for j := range s {
		switch own := j >= at && j < at+len(cut.Next); {
		case own:
			c.own = append(c.own, j)
		case j >= c.drawn || contains(cut.Next, c.items[j]):
			s[j] = shut
		default:
			s[j] += raise
		}
	}
	return c.own
}

func contains(list []int, x int) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

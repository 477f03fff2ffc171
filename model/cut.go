package model

import (
	"math"
	"math/rand/v2"
)

// Cut is a place in a history: what came before it, oldest first, some of it left out, and what came next. No title comes twice in
// a history (Layout.Examples), nor in Next.
type Cut struct{ Past, Next []int }

// Cutter draws the cuts of one step. What it gives is its own memory and holds until the next Draw.
type Cutter struct {
	cuts []Cut
	keep []int // all of them, one behind the other
}

// Draw draws l.Cuts cuts of a history of two items or more (design: accuracy 3). Both training engines see the same samples
// for the same generator.
func (c *Cutter) Draw(history []Example, l Local, rng *rand.Rand) []Cut {
	c.cuts = c.cuts[:0]
	if need := int(l.Cuts) * (len(history) + int(l.Next)); cap(c.keep) < need {
		c.keep = make([]int, 0, need)
	}
	c.keep = c.keep[:0]
	for range l.Cuts {
		at := 1 + rng.IntN(len(history)-1)
		start := len(c.keep)
		c.keep = left(c.keep, history[:at], l.Dropout, rng)
		if len(c.keep) == start {
			c.keep = append(c.keep, history[at-1].Item)
		}
		mid := len(c.keep)
		for _, e := range history[at:min(at+int(l.Next), len(history))] {
			c.keep = append(c.keep, e.Item)
		}
		c.cuts = append(c.cuts, Cut{Past: c.keep[start:mid:mid], Next: c.keep[mid:len(c.keep):len(c.keep)]})
	}
	return c.cuts
}

// left appends the items that are not left out, each of which is with the chance dropout. keep has room for all: every item is written, and the
// next over it where it does not stay, without a branch that a processor cannot foresee. Numbers that are not negative sort as their bits do.
func left(keep []int, past []Example, dropout float32, rng *rand.Rand) []int {
	n, all := len(keep), keep[:len(keep)+len(past)]
	if dropout == 0 {
		for i, e := range past {
			all[n+i] = e.Item
		}
		return all
	}
	least := int64(math.Float32bits(dropout))
	for _, e := range past {
		all[n] = e.Item
		n += 1 + int((int64(math.Float32bits(rng.Float32()))-least)>>63)
	}
	return all[:n]
}

// DrawNegatives appends the l.Negatives titles that the cuts of one step are compared with, drawn uniformly after the cuts. Both
// training engines see the same ones for the same generator.
func DrawNegatives(dst []int, l Local, titles int, rng *rand.Rand) []int {
	for range l.Negatives {
		dst = append(dst, rng.IntN(titles))
	}
	return dst
}

package model

import "math/rand/v2"

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
		for _, e := range history[:at] {
			if l.Dropout == 0 || rng.Float32() >= l.Dropout {
				c.keep = append(c.keep, e.Item)
			}
		}
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

// DrawNegatives appends the l.Negatives titles that the cuts of one step are compared with, drawn uniformly after the cuts. Both
// training engines see the same ones for the same generator.
func DrawNegatives(dst []int, l Local, titles int, rng *rand.Rand) []int {
	for range l.Negatives {
		dst = append(dst, rng.IntN(titles))
	}
	return dst
}

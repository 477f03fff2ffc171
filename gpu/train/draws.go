package train

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/cinesync/cinesync/model"
)

// drawer is one core's memory for drawing.
type drawer struct {
	cutter    model.Cutter
	negatives []int
	seen      []uint32 // by title: the history that had it last
	count     uint32   // of histories
}

// member draws a member's cuts and candidates, in the order in which a device does, and the key of its coins.
func (d *drawer) member(j *job, c *chunk, i int) error {
	who := c.who[i]
	history, l := j.cohort.Histories[who], j.cohort.Local
	layout := j.cohort.Model.Layout
	if err := model.CheckTraining(layout, j.cohort.Model.Params, history, l); err != nil {
		return err
	}
	if err := d.once(history, len(layout.Items)); err != nil {
		return err
	}
	at := c.base[i]
	rng := j.cohort.Draws(who)
	for step := range int(l.Steps) {
		first := uint32(l.Negatives)
		place := i*int(l.Steps) + step
		cuts := c.cuts[place*int(l.Cuts) : (place+1)*int(l.Cuts)]
		drawn := d.cutter.Draw(history, l, rng)
		for k, x := range drawn {
			cuts[k] = cut{at: uint32(at), past: uint32(len(x.Past)), next: uint32(len(x.Next)), first: first}
			first += uint32(len(x.Next))
			at = write(c.lists, write(c.lists, at, x.Past), x.Next)
		}
		c.candidates[place] = candidates{}
		if l.Negatives == 0 {
			continue
		}
		c.candidates[place] = candidates{at: uint32(at), count: first}
		d.negatives = model.DrawNegatives(d.negatives[:0], l, len(layout.Items), rng)
		at = write(c.lists, at, d.negatives)
		for _, x := range drawn {
			at = write(c.lists, at, x.Next)
		}
	}
	key := unsafe.Slice((*byte)(unsafe.Pointer(&c.coins[i])), 16)
	if _, err := io.ReadFull(j.cohort.Coins(who), key); err != nil {
		return fmt.Errorf("read coins: %w", err)
	}
	return nil
}

// once refuses a history that holds a title twice: within a cut the kernels step every title by itself.
func (d *drawer) once(history []model.Example, titles int) error {
	if d.count++; d.count == 0 || len(d.seen) < titles {
		d.seen, d.count = make([]uint32, titles), 1
	}
	for _, e := range history {
		if d.seen[e.Item] == d.count {
			return fmt.Errorf("title %d comes twice in the history", e.Item)
		}
		d.seen[e.Item] = d.count
	}
	return nil
}

// write appends titles at a place, and gives the next.
func write(lists []int32, at int, titles []int) int {
	for i, x := range titles {
		lists[at+i] = int32(x)
	}
	return at + len(titles)
}

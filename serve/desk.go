package serve

import (
	"fmt"
	"log/slog"

	"github.com/cinesync/cinesync/serve/rank"
)

// desk answers requests over one table with one finder, those that wait together in one call.
type desk struct {
	name  string
	table *rank.Table
	log   *slog.Logger
	queue[ask]

	finder rank.Finder // of whoever leads
	spare  bool        // the finder is the processor's
}

// ask is one request at a desk.
type ask struct {
	vector []float32
	n      int
	barred rank.Mask // often the same one for many
	own    rank.Mask // nil where nothing was seen
	items  []rank.Item
}

// openDesk opens the configured finder, or the processor's where there is none or it fails.
func openDesk(name string, table *rank.Table, cfg Config) (*desk, error) {
	d := &desk{name: name, table: table, log: cfg.Log}
	d.together = d.answer
	if cfg.Finder == nil {
		return d, d.useProcessor()
	}
	var err error
	if d.finder, err = cfg.Finder(table); err == nil {
		return d, nil
	}
	d.log.Warn("the configured finder does not open; the processor answers", slog.String("desk", name), slog.Any("error", err))
	return d, d.useProcessor()
}

func (d *desk) useProcessor() (err error) {
	d.finder, d.spare = nil, true
	if d.finder, err = rank.NewFinder(d.table); err != nil {
		return fmt.Errorf("open the processor's finder of %s: %w", d.name, err)
	}
	return nil
}

// close gives the finder back. Nobody may be at the desk.
func (d *desk) close() {
	if d.finder == nil {
		return
	}
	if err := d.finder.Close(); err != nil {
		d.log.Warn("a finder does not close", slog.String("desk", d.name), slog.Any("error", err))
	}
}

// find lists the q.N best titles for a vector, but none that q bars or has as seen; the list is the caller's. The error is
// rank.ErrQuery for a vector that is not finite.
func (d *desk) find(vector []float32, q rank.Query) ([]rank.Item, error) {
	a := &ask{vector: vector, n: q.N, barred: q.Barred}
	if len(q.Seen) > 0 {
		var err error
		if a.own, err = rank.NewMask(d.table.Titles(), q.Seen); err != nil {
			return nil, err
		}
	}
	// What is wrong with one request must not fail those that it is joined with.
	if n, err := d.batch([]*ask{a}).Size(d.table); err != nil {
		return nil, err
	} else if n != 1 {
		return nil, fmt.Errorf("a vector of %d numbers, want %d", len(vector), d.table.Dim())
	}
	if err := d.do(a); err != nil {
		return nil, err
	}
	return a.items, nil
}

// answer calls the finder once for all. Where it fails, the processor answers the same requests, and all that follow.
func (d *desk) answer(asks []*ask) error {
	b := d.batch(asks)
	lists, err := d.call(b, len(asks))
	if err != nil && !d.spare {
		d.log.Error("a finder failed; the processor answers from now on", slog.String("desk", d.name), slog.Int("requests", len(asks)), slog.Any("error", err))
		d.close()
		if err = d.useProcessor(); err == nil {
			lists, err = d.call(b, len(asks))
		}
	}
	if err != nil {
		return err
	}
	for i, a := range asks {
		a.items = lists[i][:min(a.n, len(lists[i]))] // the head of a longer list is the shorter list
	}
	return nil
}

func (d *desk) call(b rank.Batch, n int) ([][]rank.Item, error) {
	if d.finder == nil {
		return nil, fmt.Errorf("%s: there is no finder", d.name)
	}
	lists, err := d.finder.Find(b)
	if err != nil {
		return nil, err
	}
	if len(lists) != n {
		return nil, fmt.Errorf("%s: %d lists for %d queries", d.name, len(lists), n)
	}
	for _, list := range lists {
		if len(list) > b.N {
			return nil, fmt.Errorf("%s: a list of %d titles, want at most %d", d.name, len(list), b.N)
		}
		for _, it := range list {
			if it.Index < 0 || it.Index >= d.table.Titles() {
				return nil, fmt.Errorf("%s: row %d of %d titles is listed", d.name, it.Index, d.table.Titles())
			}
		}
	}
	return lists, nil
}

// batch joins requests. A mask that all of them name is passed once.
func (d *desk) batch(asks []*ask) rank.Batch {
	b := rank.Batch{Barred: asks[0].barred}
	masks, shared := false, true
	for _, a := range asks {
		b.Queries = append(b.Queries, a.vector...)
		b.N = max(b.N, a.n)
		masks = masks || a.own != nil
		shared = shared && same(a.barred, b.Barred)
	}
	if shared && !masks {
		return b
	}
	b.Each = make([]rank.Mask, len(asks))
	if !shared {
		b.Barred = nil
	}
	for i, a := range asks {
		b.Each[i] = a.own
		if !shared {
			b.Each[i] = union(a.own, a.barred)
		}
	}
	return b
}

// same tells whether two masks are one.
func same(a, b rank.Mask) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// union is a mask of what either bars; it may be one of them.
func union(a, b rank.Mask) rank.Mask {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	out := make(rank.Mask, len(a))
	for i := range out {
		out[i] = a[i] | b[i]
	}
	return out
}

package serve

import (
	"errors"
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

	// Of whoever leads.
	finder    rank.Finder // the configured one; nil where there is none or it failed
	processor rank.Finder // nil until it is needed
	short     bool        // the configured one had no room the last time
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
		return d, d.needProcessor()
	}
	finder, err := cfg.Finder(table)
	if err != nil {
		d.log.Warn("the configured finder does not open; the processor answers", slog.String("desk", name), slog.Any("error", err))
		return d, d.needProcessor()
	}
	d.finder = finder
	return d, nil
}

// needProcessor opens the processor's finder, once.
func (d *desk) needProcessor() error {
	if d.processor != nil {
		return nil
	}
	finder, err := rank.NewFinder(d.table)
	if err != nil {
		return fmt.Errorf("open the processor's finder of %s: %w", d.name, err)
	}
	d.processor = finder
	return nil
}

// close gives the finders back. Nobody may be at the desk.
func (d *desk) close() {
	for _, f := range []*rank.Finder{&d.finder, &d.processor} {
		d.drop(f)
	}
}

func (d *desk) drop(f *rank.Finder) {
	if *f == nil {
		return
	}
	if err := (*f).Close(); err != nil {
		d.log.Warn("a finder does not close", slog.String("desk", d.name), slog.Any("error", err))
	}
	*f = nil
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

// answer answers all at once.
func (d *desk) answer(asks []*ask) error {
	lists, err := d.lists(d.batch(asks), len(asks))
	if err != nil {
		return err
	}
	for i, a := range asks {
		a.items = lists[i][:min(a.n, len(lists[i]))] // the head of a longer list is the shorter list
	}
	return nil
}

// lists calls the configured finder once for all. Where it has no room, the processor answers these requests; where it fails otherwise,
// these and all that follow.
func (d *desk) lists(b rank.Batch, n int) ([][]rank.Item, error) {
	if d.finder != nil {
		lists, err := d.call(d.finder, b, n)
		if err == nil {
			d.short = false
			return lists, nil
		}
		d.failed(err, n)
	}
	if err := d.needProcessor(); err != nil {
		return nil, err
	}
	return d.call(d.processor, b, n)
}

// failed says what the configured finder failed at, and drops it unless it only had no room. That is said once until it has some again.
func (d *desk) failed(why error, requests int) {
	about := []any{slog.String("desk", d.name), slog.Int("requests", requests), slog.Any("error", why)}
	switch {
	case !errors.Is(why, rank.ErrRoom):
		d.log.Error("a finder failed; the processor answers from now on", about...)
		d.drop(&d.finder)
	case !d.short:
		d.short = true
		d.log.Warn("a finder has no room; the processor answers until it has", about...)
	}
}

func (d *desk) call(finder rank.Finder, b rank.Batch, n int) ([][]rank.Item, error) {
	lists, err := finder.Find(b)
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

package rank

import (
	"math"
	"slices"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/serve/rank/scan"
)

// NewFinder makes the finder that runs on the processor's cores. It copies the table once more, in the order in which its loops read,
// and holds nothing that has to be given back.
//
// A list is found in two steps: float32 products of a block of titles are compared with what a list still takes, less the most that
// they may be wrong by, and the few titles that are left are scored as Table.Score says. So float32 decides nothing.
func NewFinder(t *Table) (Finder, error) {
	return &finder{t, scan.Pack(t.vectors, t.biases, t.dim)}, nil
}

type finder struct {
	table  *Table
	panels *scan.Panels
}

func (*finder) Close() error { return nil }

// The cut of a batch into tasks. A task of many queries reads the table less often, a task of all titles looks closer at fewer.
const (
	fewQueries  = 48  // below which queries are not divided among cores
	mostQueries = 192 // of one task
	fewBlocks   = 16  // below which titles are not divided
)

// cut is what one task of several looks at.
type cut struct{ queries, blocks span }

// span is from first up to, not including, end.
type span struct{ first, end int }

// part is the i-th of n nearly equal parts of 0 … size.
func part(size, i, n int) span { return span{size * i / n, size * (i + 1) / n} }

// plan cuts a batch for a number of cores; the cuts of the same queries follow each other.
func (f *finder) plan(queries, cores int) (cuts []cut, shares int) {
	groups := max(min(cores, queries/fewQueries), (queries+mostQueries-1)/mostQueries, 1)
	shares = max(min((cores+groups-1)/groups, f.panels.Blocks()/fewBlocks), 1)
	for g := range groups {
		for s := range shares {
			cuts = append(cuts, cut{part(queries, g, groups), part(f.panels.Blocks(), s, shares)})
		}
	}
	return cuts, shares
}

func (f *finder) Find(b Batch) ([][]Item, error) {
	n, err := b.Size(f.table)
	if err != nil {
		return nil, err
	}
	return f.find(b, n, par.Width()), nil
}

// find answers n queries with a number of cores, which changes nothing about the lists.
func (f *finder) find(b Batch, n, cores int) [][]Item {
	cuts, shares := f.plan(n, cores)
	found := make([][][]Item, len(cuts))
	par.Do(len(cuts), func(i int) { found[i] = f.search(b, cuts[i]) })
	lists := make([][]Item, 0, n)
	for i := 0; i < len(cuts); i += shares {
		for q := range found[i] {
			list := found[i][q]
			for _, more := range found[i+1 : i+shares] {
				list = append(list, more[q]...)
			}
			if shares > 1 {
				slices.SortFunc(list, before)
			}
			lists = append(lists, list[:min(b.N, len(list))])
		}
	}
	return lists
}

// group is queries that one call of the loops takes.
type group struct {
	seats   []seat
	room    int
	numbers []float32 // interleaved
}

// search finds the lists of one cut.
func (f *finder) search(b Batch, c cut) [][]Item {
	groups := f.groups(b, c.queries)
	found, least := scan.NewFound(groups[0].room), new([scan.MaxQueries]float32) // the first group is the largest
	for block := c.blocks.first; block < c.blocks.end; block++ {
		open := f.open(b.Barred, block)
		for i := range groups {
			g := &groups[i]
			for q := range least {
				least[q] = float32(math.Inf(1))
			}
			for q := range g.seats {
				least[q] = g.seats[q].least(f.panels.Error(block, g.seats[q].norm))
			}
			f.panels.Scan(found, block, g.room, g.numbers, least)
			for q := range g.seats {
				hits, scores := found.Of(q)
				g.seats[q].take(block, hits, &open, scores)
			}
		}
	}
	lists := make([][]Item, 0, c.queries.end-c.queries.first)
	for i := range groups {
		for q := range groups[i].seats {
			lists = append(lists, groups[i].seats[q].list())
		}
	}
	return lists
}

// groups prepares the queries of a cut.
func (f *finder) groups(b Batch, s span) (out []group) {
	dim := f.table.dim
	all := make([]seat, s.end-s.first)
	room := make([]candidate, len(all)*seatRoom)
	for i := range all {
		q := s.first + i
		all[i] = seat{table: f.table, query: b.Queries[q*dim : (q+1)*dim], n: b.N, floor: float32(math.Inf(-1)), pool: room[i*seatRoom : i*seatRoom : (i+1)*seatRoom]}
		all[i].norm = length(all[i].query)
		if b.Each != nil {
			all[i].own = b.Each[q]
		}
	}
	for at := 0; at < len(all); {
		take, room := scan.Width(len(all) - at)
		g := group{seats: all[at : at+take], room: room, numbers: make([]float32, room*dim)}
		scan.Interleave(g.numbers, b.Queries[(s.first+at)*dim:(s.first+at+take)*dim], dim, room)
		out = append(out, g)
		at += take
	}
	return out
}

// length is the Euclidean norm.
func length(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// open is the titles of a block that a mask does not bar.
func (f *finder) open(m Mask, block int) (open [scan.Block / 64]uint64) {
	for w := range open {
		open[w] = ^uint64(0)
		if at := block*len(open) + w; at < len(m) {
			open[w] = ^m[at]
		}
	}
	return open
}

package rank

import "github.com/cinesync/cinesync/internal/par"

// NewFinder makes the finder that runs on the processor's cores. It holds nothing that has to be given back.
func NewFinder(t *Table) (Finder, error) { return &scan{t}, nil }

// scan looks at every title.
type scan struct{ table *Table }

func (*scan) Close() error { return nil }

func (s *scan) Find(b Batch) ([][]Item, error) {
	n, err := b.Size(s.table)
	if err != nil {
		return nil, err
	}
	lists := make([][]Item, n)
	par.Do(n, func(i int) { lists[i] = s.one(b, i) })
	return lists, nil
}

// one is the list of query i.
func (s *scan) one(b Batch, i int) []Item {
	query := b.Queries[i*s.table.dim : (i+1)*s.table.dim]
	var own Mask
	if b.Each != nil {
		own = b.Each[i]
	}
	best := make(worstFirst, 0, min(b.N, s.table.Titles()))
	for row := range s.table.Titles() {
		if !b.Barred.Has(row) && !own.Has(row) {
			best.offer(Item{row, s.table.Score(query, row)}, b.N)
		}
	}
	return best.sorted()
}

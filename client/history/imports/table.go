package imports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// row is one data row of a file. Fields are nil if it could not be cut.
type row struct {
	n      int // from 1
	fields [][]byte
	extra  [][]byte // all fields, for columns that only some files have
}

// column is a field as text, trimmed.
func (r *row) column(i int) string { return strings.TrimSpace(text(r.fields[i])) }

// columns are all of them, as text, trimmed.
func (r *row) columns() []string {
	out := make([]string, len(r.fields))
	for i := range out {
		out[i] = r.column(i)
	}
	return out
}

// each calls f for every data row of a part, in order, with the fields in the order of the shape's columns.
func (p *part) each(ctx context.Context, f func(r *row) error) (rows int, err error) {
	file, err := p.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	rec := newRecords(file, p.sep)
	places, width := make([]int, len(p.columns)), len(p.columns)
	for i := range places {
		places[i] = i
	}
	if p.header {
		first, _, _ := rec.next()
		if places, width = p.places(first), len(first); places == nil {
			return 0, fmt.Errorf("read %s: its header lacks one of the columns %s: %w", p.name, strings.Join(p.columns, ", "), ErrUnreadable)
		}
	}
	r := row{fields: make([][]byte, len(places))}
	for {
		fields, ok, more := rec.next()
		if !more {
			break
		}
		r.n++
		if r.n&0xfff == 0 && ctx.Err() != nil {
			return r.n, ctx.Err()
		}
		whole := ok && (len(fields) == width || p.more && len(fields) >= width)
		if err := f(p.cut(&r, fields, places, whole)); err != nil {
			return r.n, err
		}
	}
	if rec.err != nil {
		return r.n, fmt.Errorf("read %s: %w: %w", p.name, rec.err, ErrUnreadable)
	}
	return r.n, nil
}

func (p *part) cut(r *row, fields [][]byte, places []int, whole bool) *row {
	r.extra = fields
	r.fields = r.fields[:0]
	if !whole {
		r.fields = nil
		return r
	}
	r.fields = slices.Grow(r.fields, len(places))
	for _, i := range places {
		r.fields = append(r.fields, fields[i])
	}
	return r
}

// optional finds a column that only some files have, by its name in the header; -1 if there is none.
func (p *part) optional(column string) (int, error) {
	if !p.header {
		return slices.Index(p.columns, column), nil
	}
	file, err := p.open()
	if err != nil {
		return -1, err
	}
	first, _, _ := newRecords(file, p.sep).next()
	return slices.IndexFunc(first, func(b []byte) bool { return strings.EqualFold(strings.TrimSpace(text(b)), column) }), file.Close()
}

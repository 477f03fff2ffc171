package imports

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// unpacked is the entry without its .gz, unpacked as it is read, up to maxUnpacked.
func (e entry) unpacked() entry {
	name, ok := strings.CutSuffix(e.name, ".gz")
	if !ok {
		return e
	}
	return entry{name, func() (io.ReadCloser, error) {
		f, err := e.open()
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("unpack %s: %w: %w", e.name, err, ErrUnreadable), f.Close())
		}
		return &unpacking{z: z, file: f, left: maxUnpacked}, nil
	}}
}

// unpacking reads a compressed file and fails where it grows past its limit.
type unpacking struct {
	z    *gzip.Reader
	file io.Closer
	left int64
}

func (u *unpacking) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}

func (u *unpacking) Close() error { return errors.Join(u.z.Close(), u.file.Close()) }

// Columns of movies_extrainfos.dat: number, title, year, rating, date, genres, directors, writers, cast, plot, poster.
const (
	extraDirectors = 6
	extraWriters   = 7
	extraCast      = 8
	extraPlot      = 9
	extraColumns   = 11
)

// readExtras reads the facts of ML-1M's films. A row that cannot be read is passed over, and of two for one film the first counts.
func readExtras(ctx context.Context, e entry) (map[int]Facts, error) {
	p := part{entry: e, shape: shape{sep: "::", columns: make([]string, extraColumns)}}
	out := map[int]Facts{}
	_, err := p.each(ctx, func(r *row) error {
		if r.fields == nil {
			return nil
		}
		n, ok := number(r.column(0))
		if _, twice := out[n]; !ok || twice {
			return nil
		}
		if len(out) == maxMovies {
			return fmt.Errorf("%s tells of more than %d titles: %w", e.name, maxMovies, ErrUnreadable)
		}
		out[n] = Facts{Directors: people(r.column(extraDirectors)), Writers: people(r.column(extraWriters)), Cast: people(r.column(extraCast)),
			Plot: plot(r.column(extraPlot))}
		return nil
	})
	return out, err
}

// people reads "Pete Docter (original story by), Joel Cohen (screenplay by)" as the names.
func people(s string) []string {
	list := strings.Split(s, ",")
	for i := range list {
		list[i], _, _ = strings.Cut(list[i], "(")
	}
	return words(list, maxNames)
}

// readItemMap reads the film number of each item: a header, then item and number, items from 0 on without a gap. It decides what every
// number of an evaluation means, so that one bad row is an error.
func readItemMap(ctx context.Context, e entry) ([]int, error) {
	p := part{entry: e, shape: shape{sep: "\t", columns: []string{"ncf_item", "ml1m_movie_id"}, header: true}}
	var out []int
	film := map[int]bool{}
	_, err := p.each(ctx, func(r *row) error {
		if r.fields == nil {
			return fmt.Errorf("%s: row %d has not the header's columns: %w", e.name, r.n, ErrUnreadable)
		}
		i, ok := number(r.column(0))
		n, okFilm := number(r.column(1))
		if !ok || !okFilm || i != len(out) || film[n] || len(out) == maxMovies {
			return fmt.Errorf("%s: row %d maps %.20q to %.20q: want items 0, 1, 2 and so on, each with another film's number: %w",
				e.name, r.n, r.column(0), r.column(1), ErrUnreadable)
		}
		out, film[n] = append(out, n), true
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s maps no item: %w", e.name, ErrUnreadable)
	}
	return out, err
}

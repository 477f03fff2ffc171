// Package titles brings the titles of a data set or a catalogue and the numbers that a model's start is computed from together.
//
// Owns: which facts of a title count how much in a content start.
// Promises: titles come in the order of the data set's item numbers; features are computed from public facts alone.
// Never: reads a rating.
// Start here: Read, then Features. The mathematics is model/content's.
package titles

import (
	"fmt"

	"github.com/cinesync/cinesync/client/history/imports"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Read reads the titles of a data set in a folder, in the order of its item numbers: item i of the NCF text format is the i-th.
// ML-100K, ML-1M (through its item_map.tsv where there is one), ML-latest and TMDB-5000 are known. Facts that the data set lacks are
// taken from the folders beside, the first that has them, by id or else by name and year.
func Read(dir string, beside ...string) ([]catalog.Title, error) {
	list, err := imports.ReadTitles(dir)
	if err != nil {
		return nil, err
	}
	for _, b := range beside {
		more, err := imports.ReadTitles(b)
		if err != nil {
			return nil, fmt.Errorf("facts from another data set: %w", err)
		}
		imports.AddFacts(list, more)
	}
	out := make([]catalog.Title, len(list))
	for i, t := range list {
		out[i] = ofImport(t)
		if err := out[i].Check(); err != nil {
			return nil, fmt.Errorf("titles of %s: number %d: %w", dir, i, err)
		}
	}
	return out, nil
}

// IDs lists the ids of titles: the items of a model's layout.
func IDs(list []catalog.Title) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.ID
	}
	return out
}

// ofImport is a data set's title as the catalogue has it. A year before films is none.
func ofImport(t imports.Title) catalog.Title {
	out := catalog.Title{ID: t.ID, Kind: catalog.Film, Title: t.Title, Year: t.Year, Genres: catalog.GenreSet(t.Genres), Plot: t.Plot,
		Directors: t.Directors, Writers: t.Writers, Cast: t.Cast, Keywords: t.Keywords}
	if out.Year < catalog.MinYear || out.Year > catalog.MaxYear {
		out.Year = 0
	}
	return out
}

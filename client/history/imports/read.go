// Package imports reads what other services know about a person: one parser for each source.
//
// Owns: recognising a source, its rows, matching rows to works, the report.
// Promises: every data row ends in exactly one place of the report; memory is bounded by the rows of the chosen person;
// no input makes it panic.
// Never: writes a file, opens a connection, logs a row.
// Start here: Read. Rules: design, imports and exports, sections 1, 3 and 4. MovieLens is the source that it knows.
package imports

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/cinesync/cinesync/client/history"
)

// MovieLens is the name of the source that GroupLens' data sets are.
const MovieLens = "movielens"

// Options say how to read. The zero value recognises the source and takes the only person in it.
type Options struct {
	Source    string     // "" recognises it
	User      string     // whose rows to take; "" if there is only one person
	Catalogue *Catalogue // the works to match with; nil keeps the source's ids
}

// Result is what was read: the report, as if the history were empty, and what history.Store.Apply takes.
type Result struct {
	Report Report
	Import history.Import
}

// ErrUnreadable is wrapped by errors about input that is not a source's files, or is past the limits.
var ErrUnreadable = errors.New("cannot be imported")

// DecideError means that a person must choose before anything can be read.
type DecideError struct {
	Flag    string   // that says the choice: "--user"
	Choices []string // the first few
}

// Error says what to choose.
func (e *DecideError) Error() string {
	return fmt.Sprintf("these files hold the history of several people (%s and more): choose one with %s, for example %s %s", strings.Join(e.Choices, ", "), e.Flag, e.Flag, e.Choices[0])
}

// Read reads a file, folder or zip.
func Read(ctx context.Context, name string, o Options) (*Result, error) {
	if o.Source != "" && o.Source != MovieLens {
		return nil, fmt.Errorf("source is %q: want %s: %w", o.Source, MovieLens, ErrUnreadable)
	}
	src, err := openSource(name, movieLensCompanions)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", name, err)
	}
	res, err := readMovieLensImport(ctx, src, o)
	if err := errors.Join(err, src.close()); err != nil {
		return nil, fmt.Errorf("import %s: %w", name, err)
	}
	return res, nil
}

// base is the last part of a name inside a source, in lower case.
func base(name string) string { return strings.ToLower(path.Base(name)) }

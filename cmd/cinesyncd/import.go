package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/client/history"
	"github.com/cinesync/cinesync/client/history/imports"
)

func importCommand() *cobra.Command {
	var o imports.Options
	var catalogue string
	var dry bool
	cmd := &cobra.Command{Use: "import PATH", Short: "Bring a history: a file, a folder or a zip", Args: exactly("PATH"),
		Long: "Reads MovieLens 100K, 1M and latest. Everything stays on this device.\nExit 0: all placed; 3: a person must decide; 1: unreadable.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if catalogue != "" {
				f, err := os.Open(catalogue)
				if err != nil {
					return fmt.Errorf("open catalogue: %w", err)
				}
				o.Catalogue, err = imports.ReadCatalogue(f)
				if err := errors.Join(err, f.Close()); err != nil {
					return fmt.Errorf("catalogue %s: %w", catalogue, err)
				}
			}
			res, err := imports.Read(cmd.Context(), args[0], o)
			var decide *imports.DecideError
			if errors.As(err, &decide) {
				return fmt.Errorf("%w: %w", errDecide, err)
			}
			if err != nil {
				return err
			}
			if r := res.Report; o.User != "" && r.Rows > 0 && r.Ignored["other-user"] == r.Rows {
				return fmt.Errorf("none of the %d rows in %s is of user %q; look for the number in the files and name it with --user", r.Rows, args[0], o.User)
			}
			if res.Report.Useless() {
				return useless(cmd, res.Report, args[0], dry)
			}
			report, err := apply(cmd, res, dry)
			if err != nil {
				return err
			}
			if err := printReport(cmd, report, dry); err != nil {
				return err
			}
			if report.NeedsPerson() {
				return errDecide
			}
			return nil
		}}
	f := cmd.Flags()
	f.StringVar(&o.Source, "source", "", "the source (movielens); recognised without")
	f.StringVar(&o.User, "user", "", "whose rows to take, where the files hold several people")
	f.StringVar(&catalogue, "catalogue", "", "titles to match with, JSON lines")
	f.BoolVar(&dry, "dry-run", false, "print the report and change nothing")
	return cmd
}

// apply puts what was read into the history, or, for a dry run, says what would happen.
func apply(cmd *cobra.Command, res *imports.Result, dry bool) (report imports.Report, err error) {
	dir, err := cmd.Flags().GetString("dir")
	if err != nil {
		return report, err
	}
	if dry && dir == "" {
		return res.Report, nil
	}
	if dir, err = folder(cmd); err != nil {
		return report, err
	}
	if !dry {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return report, fmt.Errorf("make device folder: %w", err)
		}
	}
	path := filepath.Join(dir, "history.sqlite")
	store, err := history.Open(path)
	if errors.Is(err, history.ErrMissing) {
		if dry {
			return res.Report, nil // as with an empty one
		}
		store, err = history.Create(path)
	}
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	res.Import.At = time.Now().Unix()
	put := store.Apply
	if dry {
		put = store.Preview
	}
	out, err := put(cmd.Context(), res.Import)
	if err != nil {
		return report, err
	}
	return res.Report.With(out), nil
}

// useless reports an import of which not one row can be read; nothing is recorded.
func useless(cmd *cobra.Command, r imports.Report, path string, dry bool) error {
	if err := printReport(cmd, r, dry); err != nil {
		return err
	}
	return fmt.Errorf("not one of the %d rows in %s can be read, and nothing was imported: is it a MovieLens file, with its titles beside it?", r.Rows, path)
}

// shownRows is how many rows without a place are named; --json lists all.
const shownRows = 5

func printReport(cmd *cobra.Command, r imports.Report, dry bool) error {
	if wantsJSON(cmd) {
		return printJSON(cmd, r)
	}
	verb := "imported"
	if dry {
		verb = "would import"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %d new events from %d rows (%d merged, %d known before, %d ambiguous, %d unmatched)\n",
		r.Source, verb, r.Made, r.Rows, r.Merged, r.Duplicates, len(r.Ambiguous), len(r.Unmatched))
	for _, k := range slices.Sorted(maps.Keys(r.Ignored)) {
		fmt.Fprintf(cmd.OutOrStdout(), "  ignored %d: %s\n", r.Ignored[k], k)
	}
	for _, line := range r.Unplaced(shownRows) {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", line)
	}
	if more := len(r.Ambiguous) + len(r.Unmatched) - shownRows; more > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "  and %d more; --json lists all\n", more)
	}
	if n := r.Unreadable(); n > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d unreadable rows are not kept: mend them and import the files again; what is known is not counted twice\n", n)
	}
	if n := r.Waiting(); n > 0 && !dry {
		fmt.Fprintf(cmd.OutOrStdout(), "%d rows are kept and wait: import the same files again with a newer --catalogue to place them\n", n)
	}
	return nil
}

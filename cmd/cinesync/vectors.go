package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/internal/vectors"
)

// checkVectors is the command that holds functions of ours against a file of known answers.
func checkVectors(short string, kinds map[string]vectors.Kind) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: "check FILE", Short: short,
		Args: exactly("FILE"), RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readAtMost(args[0], vectors.MaxFile)
			if err != nil {
				return fmt.Errorf("read vectors: %w", err)
			}
			out := cmd.OutOrStdout()
			each := func(r vectors.Result) { printResult(out, r) }
			if asJSON {
				each = func(vectors.Result) {}
			}
			done, err := vectors.Check(text, kinds, each)
			if err != nil {
				return fmt.Errorf("vectors %s: %w", args[0], err)
			}
			if asJSON {
				if err := json.NewEncoder(out).Encode(resultsJSON(done)); err != nil {
					return fmt.Errorf("print results: %w", err)
				}
			} else {
				fmt.Fprintf(out, "%d of %d vectors hold\n", len(done.Results)-done.Missed, len(done.Results))
			}
			if done.Missed > 0 {
				return fmt.Errorf("%d of %d vectors of %s do not hold", done.Missed, len(done.Results), args[0])
			}
			return nil
		}}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func printResult(w io.Writer, r vectors.Result) {
	switch {
	case r.Err != nil:
		for _, err := range unjoin(r.Err) {
			fmt.Fprintf(w, "miss  %s: %v\n", r.ID, err)
		}
	case r.Note != "":
		fmt.Fprintf(w, "ok    %s (%s)\n", r.ID, r.Note)
	default:
		fmt.Fprintf(w, "ok    %s\n", r.ID)
	}
}

// unjoin gives each miss of a vector a line of its own.
func unjoin(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

func resultsJSON(c vectors.Checked) any {
	type result struct {
		ID     string   `json:"id"`
		Kind   string   `json:"kind"`
		OK     bool     `json:"ok"`
		Fields int      `json:"fields"`
		Misses []string `json:"misses,omitempty"`
		Note   string   `json:"note,omitempty"`
	}
	out := struct {
		Title   string   `json:"title"`
		Held    int      `json:"held"`
		Missed  int      `json:"missed"`
		Vectors []result `json:"vectors"`
	}{c.Title, len(c.Results) - c.Missed, c.Missed, []result{}}
	for _, r := range c.Results {
		v := result{ID: r.ID, Kind: r.Kind, OK: r.Err == nil, Fields: r.Fields, Note: r.Note}
		if r.Err != nil {
			for _, err := range unjoin(r.Err) {
				v.Misses = append(v.Misses, err.Error())
			}
		}
		out.Vectors = append(out.Vectors, v)
	}
	return out
}

// readAtMost reads a file that may have any size, or be no file.
func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = errors.New(name + " is larger than any such file")
	}
	return b, err
}

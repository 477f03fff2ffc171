package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/cross"
)

// onlyCross refuses flags that --cross has no use for.
func onlyCross(cmd *cobra.Command) error {
	for _, name := range []string{"task", "train", "test", "negatives", "data", "items", "draw", "rounds", "seeds", "neumf", "plot", "gpu"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s has no part in --cross, which makes up its titles and people: leave it out", name)
		}
	}
	return nil
}

// runCross measures one model over films and series, on a made-up world.
func runCross(cmd *cobra.Command, seed uint64, asJSON bool) error {
	b := newBar(cmd.ErrOrStderr())
	o := cross.Options{Size: cross.DefaultSize(), Seed: seed, Command: fmt.Sprintf("%s --cross --seed %d", cmd.CommandPath(), seed)}
	if b.live {
		o.Progress = b.draw
	}
	r, err := cross.Run(cmd.Context(), o)
	b.clear()
	if err != nil {
		return fmt.Errorf("films to series: %w", err)
	}
	if !asJSON {
		return r.Print(cmd.OutOrStdout())
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	"github.com/cinesync/cinesync/cmd/internal/accel"
	"github.com/cinesync/cinesync/coordinator"
)

func coordinatorCommand() *cobra.Command {
	var dir, http, gpu string
	var events bool
	cmd := &cobra.Command{Use: "coordinator", Short: "Run the coordinator of a folder until it is stopped", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usageError{fmt.Errorf("--dir is missing: name the coordinator's folder")}
			}
			if err := accel.Check(gpu); err != nil {
				return usageError{err}
			}
			if err := operate.Check(dir); err != nil {
				return err // before GPUs are opened and their kernels compiled
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			a, err := accel.Open(gpu, func(level slog.Level, line string) { log.Log(cmd.Context(), level, line) })
			if err != nil {
				return err
			}
			o := operate.Options{HTTP: http, Log: log, OnEvent: say(cmd.OutOrStdout()), Expand: a.Accumulators(), Finder: a.Finders(), Scores: a.Scores()}
			if events {
				enc := json.NewEncoder(cmd.OutOrStdout())
				o.OnEvent = func(e coordinator.Event) { enc.Encode(e) }
			}
			return errors.Join(operate.Run(cmd.Context(), dir, o), a.Close())
		}}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "the coordinator's folder")
	f.StringVar(&http, "http", "", "address for the platform's API, instead of the one in coordinator.json")
	f.StringVar(&gpu, "gpu", accel.Auto, accel.Usage("expands masks, finds lists and scores titles"))
	f.BoolVar(&events, "events", false, "print one JSON object a line for everything that happens")
	f.BoolVar(&events, "json", false, "the same as --events")
	return cmd
}

// say tells a person what happens.
func say(out io.Writer) func(coordinator.Event) {
	return func(e coordinator.Event) {
		switch e.Kind {
		case "listening":
			fmt.Fprintf(out, "devices connect to %s over QUIC\n", e.Address)
			if e.TCP != "" {
				fmt.Fprintf(out, "or to %s over TCP\n", e.TCP)
			}
			if e.HTTP != "" {
				fmt.Fprintf(out, "platforms ask http://%s/\n", e.HTTP)
			}
		case "phase":
			fmt.Fprintf(out, "round %d: %s, %d devices connected\n", e.Round, e.Phase, e.Devices)
		case "round":
			fmt.Fprintf(out, "round %d: %s, %d of %d members in the sum %s\n", e.Round, e.Outcome, e.U3, e.U1, e.Detail)
		case "recovered":
			fmt.Fprintf(out, "round %d was interrupted in phase %s: %s %s\n", e.Round, e.Phase, e.Outcome, e.Detail)
		case "published":
			fmt.Fprintf(out, "version of round %d is served\n", e.Round)
		case "done":
			fmt.Fprintln(out, "the task has no further round; devices can still fetch its model (stop with Ctrl-C)")
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/cmd/internal/device"
)

func runCommand() *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{Use: "run", Short: "Take part in rounds until stopped", Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) (err error) {
		dir, err := folder(cmd)
		if err != nil {
			return err
		}
		d, err := device.Open(dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		level := slog.LevelInfo
		if verbose {
			level = slog.LevelDebug
		}
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
		door, err := d.Door(cmd.Context(), device.Hooks{Log: log, OnEvent: follow(cmd)})
		if err != nil {
			return err
		}
		return door.Run(cmd.Context())
	}}
	cmd.Flags().BoolVar(&verbose, "verbose", false, "say more about connections")
	return cmd
}

// follow shows what happens, one line each; nothing of a history is in it.
func follow(cmd *cobra.Command) func(door.Event) {
	if wantsJSON(cmd) {
		return func(e door.Event) {
			v := map[string]any{"event": e.Kind, "round": e.Round}
			if e.Detail != "" {
				v["detail"] = e.Detail
			}
			if e.Units > 0 {
				v["rho"] = e.Units.Rho()
			}
			printJSON(cmd, v)
		}
	}
	out := cmd.OutOrStdout()
	return func(e door.Event) {
		switch e.Kind {
		case "connected":
			fmt.Fprintln(out, "connected to the coordinator")
		case "refused", "period":
			fmt.Fprintln(out, e.Detail)
		case "charged":
			fmt.Fprintf(out, "round %d: ρ %.4g charged, the masked update leaves now\n", e.Round, e.Units.Rho())
		case "missed":
			fmt.Fprintf(out, "round %d goes on without this device: %s\n", e.Round, e.Detail)
		case "closed":
			if e.Closed.Aborted {
				fmt.Fprintf(out, "round %d was aborted: %s\n", e.Round, e.Closed.Reason)
			} else {
				fmt.Fprintf(out, "round %d is published\n", e.Round)
			}
		case "model":
			fmt.Fprintf(out, "recommendations now come from model %x\n", e.Model[:8])
		}
	}
}

package main

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/privacy"
)

// with opens the device of a command.
func with(f func(cmd *cobra.Command, d *device.Device) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) (err error) {
		dir, err := folder(cmd)
		if err != nil {
			return err
		}
		d, err := device.Open(dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		return f(cmd, d)
	}
}

// recommended is what the command prints as JSON.
type recommended struct {
	Items   []client.Recommendation `json:"items"`
	Privacy cost                    `json:"privacy"`
}

func recommendCommand() *cobra.Command {
	var n int
	var kind string
	cmd := &cobra.Command{Use: "recommend", Short: "Suggest titles, computed on this device", Args: exactly(), RunE: with(func(cmd *cobra.Command, d *device.Device) error {
		if n < 1 || n > 100 {
			return usageError{fmt.Errorf("--n is %d: want 1 to 100", n)}
		}
		if kind != "" && kind != client.Film && kind != client.Series {
			return usageError{fmt.Errorf("--kind is %q: want film or series", kind)}
		}
		list, err := d.Client.Recommend(cmd.Context(), n, kind)
		if err != nil {
			return err
		}
		titles, err := d.History.Titles(cmd.Context())
		if err != nil {
			return err
		}
		for i := range list {
			list[i].Title, list[i].BecauseTitle = titles[list[i].ID], titles[list[i].Because]
		}
		c, err := readCost(cmd.Context(), d)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, recommended{append([]client.Recommendation{}, list...), c})
		}
		for _, r := range list {
			fmt.Fprintf(cmd.OutOrStdout(), "%3d. %s\n", r.Rank, cmp.Or(r.Title, r.ID))
			if r.Because != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "     because you watched %s\n", cmp.Or(r.BecauseTitle, r.Because))
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "\ncomputed on this device, from your history and the shared model; what your part in all rounds so far cost:\n%s\n", c)
		return nil
	})}
	cmd.Flags().IntVar(&n, "n", 10, "how many")
	cmd.Flags().StringVar(&kind, "kind", "", "film or series (default: both)")
	return cmd
}

func statusCommand() *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Show the device: history, model, budget", Args: exactly(), RunE: with(func(cmd *cobra.Command, d *device.Device) error {
		b, err := readBudget(cmd.Context(), d)
		if err != nil {
			return err
		}
		c, err := readCost(cmd.Context(), d)
		if err != nil {
			return err
		}
		n, err := d.History.Count(cmd.Context())
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, map[string]any{"coordinator": d.Config.Address, "log_origin": d.Config.LogOrigin, "events": n, "budget": b, "privacy": c})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "coordinator %s, log %s\nhistory: %d events, on this device only\nprivacy: %s\n", d.Config.Address, d.Config.LogOrigin, n, c)
		return nil
	})}
}

// outboxRow is one line of "what has left this device".
type outboxRow struct {
	Round   string  `json:"round"` // open_hash of the round
	At      string  `json:"at"`
	Purpose string  `json:"purpose"`
	Bytes   int64   `json:"bytes"`
	Rho     float64 `json:"rho"`
	Digest  string  `json:"sha256"`
	Receipt bool    `json:"receipt"`
}

func outboxCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "outbox", Short: "Show exactly what has left this device", Args: exactly(), RunE: with(func(cmd *cobra.Command, d *device.Device) error {
		if limit < 1 || limit > 100_000 {
			return usageError{fmt.Errorf("--n is %d: want 1 to 100000", limit)}
		}
		rows, err := d.Outbox.Outbox(cmd.Context(), limit)
		if err != nil {
			return err
		}
		out := []outboxRow{}
		for _, r := range rows {
			out = append(out, outboxRow{Round: hex.EncodeToString(r.Key[:min(8, len(r.Key))]), At: time.Unix(r.At, 0).UTC().Format(time.RFC3339), Purpose: r.Purpose,
				Bytes: r.Bytes, Rho: privacy.Units(r.Units).Rho(), Digest: hex.EncodeToString(r.Digest[:]), Receipt: len(r.Receipt) > 0})
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, out)
		}
		if len(out) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "nothing that was derived from your history has left this device")
		}
		for _, r := range out {
			receipt := "no receipt"
			if r.Receipt {
				receipt = "receipt held"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %7d bytes  ρ %.4g  %s  sha256 %s…  %s\n", r.At, r.Bytes, r.Rho, receipt, r.Digest[:16], r.Purpose)
		}
		return nil
	})}
	cmd.Flags().IntVar(&limit, "n", 100, "how many rows, newest first")
	return cmd
}

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cinesync/cinesync/cmd/cinesync/demo"
)

func demoCommand() *cobra.Command {
	var o demo.Options
	var asJSON bool
	cmd := &cobra.Command{Use: "demo", Short: "Show the whole promise on this machine, with real parts", Args: exactly(),
		Long: `Starts a coordinator and devices on loopback, with QUIC, an SQLite history for each device, secure aggregation and noise. Trains,
measures, recommends, and audits the run. It needs no download: without --data, invented households watch a built-in catalogue.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return usageError{err}
			}
			o.Stderr = cmd.ErrOrStderr()
			if f, ok := o.Stderr.(*os.File); ok {
				o.Terminal = term.IsTerminal(int(f.Fd()))
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			o.Program = []string{self}
			report, err := demo.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				if err := enc.Encode(report); err != nil {
					return fmt.Errorf("write report: %w", err)
				}
			} else {
				report.Print(cmd.OutOrStdout())
			}
			return report.Verdict()
		}}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "folder for everything the demo makes (default: a fresh one)")
	f.StringVar(&o.Data, "data", "", "a MovieLens folder (100K, 1M or latest): its first users by id instead of invented households")
	f.IntVar(&o.Devices, "devices", demo.DefaultDevices, "how many devices")
	f.IntVar(&o.Rounds, "rounds", demo.DefaultRounds, "how many rounds")
	f.StringVar(&o.Task, "task", "two-tower", "model family: two-tower or ncf")
	f.BoolVar(&o.Adapt, "adapt-clip", false, "let the clip follow what devices privately say of it; wants 7 devices or more")
	f.BoolVar(&o.Popular, "popularity", false, "ask in one round before training how many devices watched each title")
	f.Float64Var(&o.Drop, "drop", 0.1, "share of the devices that vanishes in every round, to the nearest whole number of them")
	f.BoolVar(&o.Crash, "crash", false, "run the coordinator as a process and kill -9 it once in every phase (6 rounds or more)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the households, the planned faults and the measurement")
	f.StringVar(&o.HTTP, "http", "", "address for the platform's API while the demo runs, for example 127.0.0.1:8080")
	f.StringVar(&o.TCP, "tcp", "", "address on loopback where the coordinator listens over TCP too, for example 127.0.0.1:4748")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/internal/accel"
)

// gpuCommand is about the GPUs of this machine.
func gpuCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "gpu", Short: "Look at the GPUs of this machine", Args: noSuchCommand, RunE: help}
	cmd.AddCommand(gpuInfo())
	return cmd
}

func gpuInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: "info", Short: "List the GPUs, try each one, and say what runs where",
		Long: `Lists the GPUs that CUDA's driver sees, runs a kernel on each and holds its answer against this machine's own, and measures how fast its memory
copies. Without a GPU it says why there is none; everything then runs on the CPU.`,
		Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
			return printGPUs(cmd.OutOrStdout(), accel.Survey(), asJSON)
		}}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// printGPUs fails where a GPU that is there does not work.
func printGPUs(w io.Writer, s accel.Seen, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s); err != nil {
			return fmt.Errorf("print the GPUs: %w", err)
		}
	} else {
		printSeen(w, s)
	}
	var broken []error
	for _, g := range s.GPUs {
		if g.Trouble != "" && g.Usable {
			broken = append(broken, fmt.Errorf("GPU %d does not work: %s", g.Index, g.Trouble))
		}
	}
	return errors.Join(broken...)
}

func printSeen(w io.Writer, s accel.Seen) {
	if len(s.GPUs) == 0 {
		fmt.Fprintf(w, "no GPU: %s\neverything runs on the CPU\n", s.None)
		return
	}
	for _, g := range s.GPUs {
		fmt.Fprintf(w, "%d  %s\n   compute capability %s, %d multiprocessors, CUDA %s, %.1f GB of memory (%.1f GB free), L2 of %.0f MB\n",
			g.Index, g.Name, g.Compute, g.Processors, g.Driver, gigabytes(g.Memory), gigabytes(g.Free), float64(g.L2)/1e6)
		if g.Trouble != "" {
			fmt.Fprintf(w, "   not used: %s\n", g.Trouble)
			continue
		}
		fmt.Fprintf(w, "   works: a kernel of %d words gave the right sum; memory copies at %.0f GB/s; start %.2f s\n", g.Words, g.Copy, g.Start)
	}
	fmt.Fprintf(w, "used for: %s (--gpu auto|off|INDEX on the commands that do this)\n", accel.Uses)
}

func gigabytes(n int64) float64 { return float64(n) / float64(1e9) }

// opener is accel.Open or accel.OpenOne.
type opener func(choice string, say accel.Say) (*accel.Accel, error)

// withGPU opens what --gpu chose for do, and says where b is drawn what does the work. do prints what came of it too: that a GPU does not
// close as it should must take no result along.
func withGPU(b *bar, open opener, choice string, do func(*accel.Accel) error) error {
	a, err := open(choice, func(_ slog.Level, line string) { b.say(line) })
	if err != nil {
		return err
	}
	return errors.Join(do(a), a.Close())
}

// Command cinesyncd is the device's one program: it imports a person's history, takes part in rounds, recommends, and
// shows what has left the device.
//
// Owns: flags, exit codes, the words for people.
// Promises: exit 0 done, 1 failed, 2 usage, 3 a person must decide; --json on every command.
// Never: prints a key, logs a title.
// Start here: run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a mistake in how the program was called; errDecide asks a person.
type usageError struct{ error }

var errDecide = errors.New("a person must decide; see the report")

// run is the program; tests call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{Use: "cinesyncd", Short: "Recommendations on your own device, from what many learn together", SilenceErrors: true, SilenceUsage: true,
		Args: noSuchCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true}}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().String("dir", "", "the device's folder")
	root.PersistentFlags().Bool("json", false, "print JSON")
	root.AddCommand(initCommand(), runCommand(), importCommand(), recommendCommand(), statusCommand(), outboxCommand(), receiptsCommand(), budgetCommand(), policyCommand(), versionCommand())
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "cinesyncd: %v\nrun `cinesyncd --help` to see what there is\n", err)
		return 2
	case errors.Is(err, errDecide):
		fmt.Fprintf(stderr, "cinesyncd: %v\n", err)
		return 3
	default:
		fmt.Fprintf(stderr, "cinesyncd: %v\n", err)
		return 1
	}
}

// folder is the --dir of a command.
func folder(cmd *cobra.Command) (string, error) {
	dir, err := cmd.Flags().GetString("dir")
	if err != nil {
		return "", err
	}
	if dir == "" {
		return "", usageError{errors.New("--dir is missing: name the device's folder")}
	}
	return dir, nil
}

func wantsJSON(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	return err == nil && on
}

func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func noSuchCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("there is no command %q", args[0])}
	}
	return nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Say which build this is", Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
		version, revision := "unknown", ""
		if info, ok := debug.ReadBuildInfo(); ok {
			version = info.Main.Version
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" {
					revision = s.Value
				}
			}
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, map[string]string{"version": version, "revision": revision, "go": runtime.Version()})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "cinesyncd %s %s %s\n", version, revision, runtime.Version())
		return nil
	}}
}

// exactly wants one argument for each of these names.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError{fmt.Errorf("%s wants %s: see `cinesyncd %s --help`", cmd.Name(), names[len(args)], cmd.Name())}
		case len(args) > len(names):
			return usageError{fmt.Errorf("%s has no place for the argument %q", cmd.Name(), args[len(names)])}
		}
		return nil
	}
}

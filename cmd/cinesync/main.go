// Command cinesync is the operator's program: it runs a coordinator or a witness, enrols parties, and shows the whole in a demo.
//
// Owns: flags, exit codes, the words for people.
// Promises: exit 0 done, 1 failed, 2 usage; --json on every command that reports.
// Never: decides what a round may do.
// Start here: run.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a mistake in how the program was called.
type usageError struct{ error }

// run is the program; tests call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{Use: "cinesync", Short: "Learn film and TV recommendations together without collecting histories",
		SilenceErrors: true, SilenceUsage: true, Args: noSuchCommand, RunE: help, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true}}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(demoCommand(), coordinatorCommand(), enrolCommand(), witnessCommand(), secaggCommand(), privacyCommand(), trainCommand(), evaluateCommand(), simulateCommand(), gpuCommand())
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "cinesync: %v\nrun `cinesync --help` to see what there is\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "cinesync: %v\n", err)
		return 1
	}
}

// exactly wants these arguments, by the names they have in the usage line.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError{fmt.Errorf("%s: %s is missing", cmd.CommandPath(), names[len(args)])}
		case len(args) > len(names) && len(names) == 0:
			return usageError{fmt.Errorf("%s: %q is one argument too many: it takes only flags", cmd.CommandPath(), args[0])}
		case len(args) > len(names):
			return usageError{fmt.Errorf("%s: %q is one argument too many: it takes %s", cmd.CommandPath(), args[len(names)], strings.Join(names, " "))}
		}
		return nil
	}
}

// noSuchCommand is for commands that only hold others.
func noSuchCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("there is no command %q", args[0])}
	}
	return nil
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

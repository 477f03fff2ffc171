// Command cinesync-audit is the auditor's program: it holds the public log of a federation against the rules, and trusts nobody.
//
// Owns: flags, exit codes, the words for people.
// Promises: reads nothing but the log folder and the files it is given; works offline; exit 0 clean, 1 a proof fails, 2 usage; --json
// on every command.
// Never: writes a file, asks a network.
// Start here: run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a mistake in how the program was called. errFails says that something does not verify; the words are out already.
type usageError struct{ error }

var errFails = errors.New("the log does not verify")

const about = `Verifies the public log of a CineSync federation: that nothing in it was changed, that every round kept its terms, and how much
privacy a device can have spent. DIR holds log/ or is the log folder; left out, it is the current folder.

Exit status: 0 everything that was checked holds, 1 something does not, 2 the program was called wrongly.`

// run is the program; tests call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{Use: "cinesync-audit", Short: "Verify the public log of a federation", Long: about, SilenceErrors: true, SilenceUsage: true,
		Args: noSuchCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().Bool("json", false, "print one JSON object")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(verifyCommand(), showCommand(), ledgerCommand(), receiptCommand())
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "cinesync-audit: %v\nrun `cinesync-audit --help` to see what there is\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "cinesync-audit: %v\n", err)
		return 1
	}
}

func noSuchCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("there is no command %q", args[0])}
	}
	return nil
}

// upTo makes cobra's complaint about arguments a usage error.
func upTo(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.RangeArgs(least, most)(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// folder opens DIR, args[at] or the current folder. One that has nothing of a log is a mistake of the caller; one that has lost a part
// is not, and is read.
func folder(args []string, at int) (fs.FS, error) {
	dir := "."
	if len(args) > at {
		dir = args[at]
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, usageError{fmt.Errorf("look for the log: %w; name the folder that holds log/, or the log folder itself", err)}
	}
	if !info.IsDir() {
		return nil, usageError{fmt.Errorf("%s is not a folder: name the one that holds log/, or the log folder itself", dir)}
	}
	fsys := os.DirFS(dir)
	for _, name := range []string{"log", "keys", "checkpoint", "tile"} {
		if _, err := fs.Stat(fsys, name); err == nil {
			return fsys, nil
		}
	}
	return nil, usageError{fmt.Errorf("%s holds no log: name the folder that holds log/, or the log folder itself", dir)}
}

func wantsJSON(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	return err == nil && on
}

func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

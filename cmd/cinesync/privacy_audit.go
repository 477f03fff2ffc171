package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cinesync/cinesync/cmd/cinesync/attack"
)

func privacyAudit() *cobra.Command {
	var o attack.Options
	var out string
	var asJSON bool
	cmd := &cobra.Command{Use: "audit", Short: "Attack our own system, and hold what is found against what is claimed",
		Long: `Runs canary devices in simulated rounds of the real machines, with the noise that the log accounts for, with a tenth of it and with
none, and membership inference on a model that was trained with and without noise. Prints what the attacks prove beside what is
claimed. Takes some minutes. Exit status 1: a claim does not stand, or the attack is blind.`,
		Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return usageError{err}
			}
			if err := checkOut(out); err != nil {
				return usageError{err}
			}
			bar := newBar(cmd.ErrOrStderr())
			o.Progress = bar.draw
			report, err := attack.Run(cmd.Context(), o)
			bar.clear()
			if err != nil {
				return fmt.Errorf("audit: %w", err)
			}
			if out != "" {
				if err := writeAudit(report, out, auditCommand(cmd)); err != nil {
					return err
				}
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				if err := enc.Encode(report); err != nil {
					return fmt.Errorf("print report: %w", err)
				}
			} else if err := report.Print(cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("print report: %w", err)
			}
			return report.Verdict()
		}}
	f := cmd.Flags()
	f.Uint64Var(&o.Seed, "seed", 1, "seed of everything: keys, coins, noise, people")
	f.IntVar(&o.Canaries, "canaries", attack.DefaultCanaries, "devices of the simulated federation, each a canary")
	f.IntVar(&o.Rounds, "rounds", attack.DefaultRounds, "rounds, over which each canary keeps its coin")
	f.IntVar(&o.People, "people", attack.DefaultPeople, "people of the membership attack, of whom a half is in")
	f.StringVar(&o.Data, "data", "", "a MovieLens folder (100K, 1M or latest): its first people instead of invented households")
	f.StringVar(&out, "out", "", "write the report as Markdown to this file, and its plot beside it")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// checkOut wants a name that can be written before minutes are spent.
func checkOut(out string) error {
	if out == "" {
		return nil
	}
	if filepath.Ext(out) != ".md" {
		return fmt.Errorf("--out is %q: want a file that ends in .md", out)
	}
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
		return fmt.Errorf("--out is %q: there is no folder %q", out, filepath.Dir(out))
	}
	return nil
}

// writeAudit writes the page and the plot.
func writeAudit(r *attack.Report, out, command string) error {
	picture := strings.TrimSuffix(out, ".md") + ".svg"
	page, err := r.Markdown(filepath.Base(picture), command)
	if err != nil {
		return err
	}
	if err := os.WriteFile(picture, r.Plot(), 0o644); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	if err := os.WriteFile(out, page, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// auditCommand is the command with every flag that decides a figure, so that a reader can run it again.
func auditCommand(cmd *cobra.Command) string {
	parts := []string{cmd.CommandPath()}
	for _, name := range []string{"seed", "canaries", "rounds", "people"} {
		parts = append(parts, "--"+name, cmd.Flags().Lookup(name).Value.String())
	}
	if cmd.Flags().Changed("data") {
		parts = append(parts, "--data", filepath.Base(cmd.Flags().Lookup("data").Value.String()))
	}
	return strings.Join(parts, " ")
}

// bar is one line on a terminal that is drawn over; elsewhere a line for each tenth of a part. Several goroutines may draw and say.
type bar struct {
	out   io.Writer
	live  bool
	mu    sync.Mutex // of what follows, and of what is written
	drawn int
	told  string
}

func newBar(out io.Writer) *bar {
	f, ok := out.(*os.File)
	return &bar{out: out, live: ok && term.IsTerminal(int(f.Fd()))}
}

func (b *bar) draw(what string, done, all int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.live {
		if line := fmt.Sprintf("%s: %d %%", what, done*10/all*10); line != b.told {
			b.told = line
			fmt.Fprintln(b.out, line)
		}
		return
	}
	const width = 24
	full := min(width, done*width/max(1, all))
	line := fmt.Sprintf("%s%s %d of %d %s", strings.Repeat("█", full), strings.Repeat("░", width-full), done, all, what)
	b.wipe()
	fmt.Fprint(b.out, line)
	b.drawn = len([]rune(line))
}

// say writes a line where the bar was; the next draw comes below. Joined errors have a line each, and here they share one.
func (b *bar) say(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
	fmt.Fprintln(b.out, "cinesync: "+strings.ReplaceAll(line, "\n", "; "))
}

func (b *bar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
}

// wipe is clear for who holds the bar.
func (b *bar) wipe() {
	if b.drawn > 0 {
		fmt.Fprint(b.out, "\r"+strings.Repeat(" ", b.drawn)+"\r")
		b.drawn = 0
	}
}

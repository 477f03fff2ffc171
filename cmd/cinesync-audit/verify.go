package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/privacy"
)

// flags are what verify and ledger know besides the log.
type flags struct {
	delta     float64
	live      bool
	since     string
	published string
	policies  []string
}

func (f *flags) add(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.delta, "delta", 1e-6, "δ of the privacy figure")
	cmd.Flags().StringArrayVar(&f.policies, "policy", nil, "the witness policy to hold the log against, instead of the one it names itself; given again, an earlier one")
	cmd.Flags().BoolVar(&f.live, "live", false, "the coordinator may be running: its newest round may be open until its last deadline")
}

func (f *flags) options() (audit.Options, error) {
	o := audit.Options{Delta: f.delta, Live: f.live, Now: uint64(time.Now().Unix())}
	if !(f.delta > 0 && f.delta < 1) {
		return o, usageError{fmt.Errorf("--delta is %v: want a number between 0 and 1, such as 1e-6", f.delta)}
	}
	var err error
	if f.published != "" {
		if o.Published, err = published(f.published); err != nil {
			return o, err
		}
	}
	if f.since != "" {
		if o.Since, err = small("--since", f.since, audit.MaxCheckpoint); err != nil {
			return o, err
		}
	}
	for _, path := range f.policies {
		p, err := policyFile(path)
		if err != nil {
			return o, err
		}
		o.Witnesses = append(o.Witnesses, p)
	}
	return o, nil
}

func policyFile(path string) (audit.WitnessPolicy, error) {
	b, err := small("--policy", path, audit.MaxWitnessPolicy)
	if err != nil {
		return audit.WitnessPolicy{}, err
	}
	p, err := audit.ParseWitnessPolicy(b)
	if err != nil {
		return audit.WitnessPolicy{}, usageError{fmt.Errorf("--policy %s: %w", path, err)}
	}
	return p, nil
}

// decimal is a figure as people publish it, whose last digit says how far it was rounded.
var decimal = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,15})?$`)

func published(text string) (*audit.Published, error) {
	eps, err := strconv.ParseFloat(text, 64)
	if !decimal.MatchString(text) || err != nil {
		return nil, usageError{fmt.Errorf("--published is %q: want ε as a plain decimal number, such as 7.48", text)}
	}
	_, digits, _ := strings.Cut(text, ".")
	return &audit.Published{Epsilon: eps, Within: 0.5*math.Pow10(-len(digits)) + 1e-12}, nil
}

// small reads a file that a flag names. One byte more than the limit is refused where it is parsed.
func small(flag, path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return b, nil
}

func verifyCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{Use: "verify [DIR]", Short: "Check everything that the log alone can show", Args: upTo(0, 1),
		Long: `Checks the log: signatures, tree and files (A1), charges and noise (A2 to A5), the population ledger (A6), a published figure (A7),
models and released code (A8), one history for every round (A9), policy and question (A10), the chain of rounds (C1), the
neighbour graphs (C2) and the witnesses (W1). What a log cannot show (A11, A12) is said not to be checked. docs/spec/log.md §9 defines
the checks.`,
		Example: `  cinesync-audit verify /var/lib/cinesync
  cinesync-audit verify --policy witnesses.policy /var/lib/cinesync
  cinesync-audit verify --since checkpoint.last-month --published 7.48 --delta 1e-6`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := audited(&f, args)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, stated{r, auditing.ClaimOf(r)})
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), verdict(r))
			}
			if err == nil && !r.OK {
				err = errFails
			}
			return err
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&f.since, "since", "", "a checkpoint kept from an earlier audit, which this log must extend")
	cmd.Flags().StringVar(&f.published, "published", "", "a published ε over all rounds to hold against the log (A7)")
	return cmd
}

// stated is a report with the words that belong to its figures.
type stated struct {
	audit.Report
	Claim auditing.Claim `json:"claim"`
}

func audited(f *flags, args []string) (audit.Report, error) {
	o, err := f.options()
	if err != nil {
		return audit.Report{}, err
	}
	fsys, err := folder(args, 0)
	if err != nil {
		return audit.Report{}, err
	}
	return auditing.Verify(fsys, o)
}

// verdict is the report for people: a line a check, and below a failure what to do about it.
func verdict(r audit.Report) string {
	var b strings.Builder
	if r.Origin != "" {
		fmt.Fprintf(&b, "log %s: %d entries, %d rounds (%d closed, %d aborted)\n", r.Origin, r.Entries, r.Rounds, r.Closed, r.Aborted)
		fmt.Fprintf(&b, "root %s\nlog key %s\nauthority %s\n", r.Root, r.LogKey, r.Authority)
		switch r.PolicyFrom {
		case "auditor":
			fmt.Fprintf(&b, "witness policy %s, which you gave\n", r.WitnessPolicy)
		case "log":
			fmt.Fprintf(&b, "witness policy %s, which the log itself names: compare it, or give yours with --policy\n", r.WitnessPolicy)
		}
		fmt.Fprintln(&b, "compare both keys with what the federation gave you elsewhere: by itself a log only agrees with itself")
		fmt.Fprintln(&b)
	}
	for _, c := range r.Checks {
		mark := map[audit.Status]string{audit.StatusOK: "OK", audit.StatusFail: "FAIL"}[c.Status]
		if mark == "" {
			mark = "--"
		}
		detail := c.Detail
		if c.Status == audit.StatusNotChecked {
			detail = "not checked: " + detail
		}
		fmt.Fprintf(&b, "%-4s  %-3s  %s: %s\n", mark, c.ID, c.Title, detail)
		if c.Next != "" {
			fmt.Fprintf(&b, "           next: %s\n", c.Next)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", figure(r))
	return b.String()
}

// figure states the privacy figure over all rounds with everything that has to stand beside it (docs/spec/privacy.md §11).
func figure(r audit.Report) string {
	n := len(r.Periods)
	if r.Origin == "" {
		return "no privacy figure: the log could not be read"
	}
	if n == 0 {
		return "privacy: no round was opened, nothing was spent"
	}
	claim := auditing.ClaimOf(r)
	s := fmt.Sprintf("privacy: ε = %s at δ = %g (ρ = %s)\n", privacy.Shown(r.TotalEpsilon, 4), r.Delta, privacy.Shown(r.TotalRho, 4))
	s += "  " + strings.Join(claim.Lines(), "\n  ")
	p := r.Periods[slices.IndexFunc(r.Periods, func(p audit.Period) bool { return p.RhoUnits == r.RhoUnits })]
	which := "that is one ledger period,"
	if n > 1 {
		which = fmt.Sprintf("the dearest of %d ledger periods alone: ε = %s (ρ = %s),", n, privacy.Shown(r.Epsilon, 4), privacy.Shown(r.RhoBound, 4))
	}
	s += fmt.Sprintf("\n  %s from %s (%s, rounds %d to %d)", which, moment(p.Start), length(p.Seconds), p.FirstRound, p.LastRound)
	if claim.Warning != "" {
		s += "\n  do not rely on this figure: " + claim.Warning
	}
	return s
}

func moment(unix uint64) string {
	if unix > math.MaxInt32*8 { // beyond the year 2500 a time is not a time
		return fmt.Sprintf("second %d", unix)
	}
	return time.Unix(int64(unix), 0).UTC().Format("2006-01-02 15:04 UTC")
}

func length(seconds uint64) string {
	const day = 24 * 3600
	if seconds%day == 0 {
		return fmt.Sprintf("%d days", seconds/day)
	}
	return fmt.Sprintf("%d seconds", seconds)
}

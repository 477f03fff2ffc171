package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/privacy"
)

// ledger is what the command prints as JSON.
type ledger struct {
	OK      bool           `json:"ok"` // the whole log verifies
	Origin  string         `json:"origin"`
	Delta   float64        `json:"delta"`
	Periods []audit.Period `json:"periods"`

	TotalRhoUnits uint64  `json:"total_rho_units"` // of all periods together
	TotalRho      float64 `json:"total_rho"`
	TotalEpsilon  float64 `json:"total_epsilon"`

	Claim auditing.Claim `json:"claim"` // what belongs to the figures
}

func ledgerCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{Use: "ledger [DIR]", Short: "Show the privacy spent, by ledger period", Args: upTo(0, 1),
		Long: `Shows the most that any one device can have spent in each ledger period, recomputed from the log. The whole log is verified first: a
ledger of a log that does not verify is shown with exit status 1.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := audited(&f, args)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, ledger{r.OK, r.Origin, r.Delta, r.Periods, r.TotalRhoUnits, r.TotalRho, r.TotalEpsilon, auditing.ClaimOf(r)})
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), ledgerText(r))
			}
			if err == nil && !r.OK {
				err = fmt.Errorf("%w; run `cinesync-audit verify` to see why", errFails)
			}
			return err
		}}
	f.add(cmd)
	return cmd
}

func ledgerText(r audit.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-21s  %-12s  %-13s  %-10s  ε at δ = %g\n", "period from", "length", "rounds", "ρ", r.Delta)
	for _, p := range r.Periods {
		fmt.Fprintf(&b, "%-21s  %-12s  %-13s  %-10s %s\n", moment(p.Start), length(p.Seconds), fmt.Sprintf("%d to %d", p.FirstRound, p.LastRound), privacy.Shown(p.Rho, 4), privacy.Shown(p.Epsilon, 4))
	}
	fmt.Fprintf(&b, "\n%s\n", figure(r))
	return b.String()
}

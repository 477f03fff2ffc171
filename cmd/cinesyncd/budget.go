package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/privacy"
)

// delta is what epsilon is shown at.
const delta = participant.ShownDelta

// budget is what the ledger says of the period that runs.
type budget struct {
	Policy  string  `json:"policy"`
	Rho     float64 `json:"rho_spent"`
	Ceiling float64 `json:"rho_ceiling"`
	Epsilon float64 `json:"epsilon"`
	Delta   float64 `json:"delta"`
	Unit    string  `json:"unit"`          // what epsilon is of
	Gain    string  `json:"amplification"` // claimed from sampling
	Charges int     `json:"charges"`
	Spent   string  `json:"counts_as_spent,omitempty"` // why nothing more can be charged, whatever the ledger adds up to
	Since   string  `json:"period_start,omitempty"`    // empty: the ledger's first period
}

func readBudget(ctx context.Context, d *device.Device) (budget, error) {
	ledger, err := door.OpenLedger(ctx, d.Outbox, d.Floor.Limits())
	if err != nil {
		return budget{}, err
	}
	session, err := d.Outbox.Session(ctx)
	if err != nil {
		return budget{}, err
	}
	defer clear(session)
	b := budget{Policy: d.Floor.Name, Rho: ledger.Spent().Rho(), Ceiling: d.Floor.Ceiling.Rho(), Delta: delta,
		Unit: "this device, its whole history against none, over the ledger period", Gain: "none"}
	if at := ledger.PeriodStart(); at > 0 {
		b.Since = time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
	}
	var old *participant.Refused
	standing, err := door.Compare(ctx, d.Counter, ledger)
	if errors.Is(err, door.ErrCounter) {
		b.Spent = err.Error()
	} else if err != nil {
		return budget{}, err
	} else if err := participant.CheckLedger(session, ledger, standing.Reached, standing.Uncounted); errors.As(err, &old) {
		b.Spent = old.Detail
	} else if err != nil {
		return budget{}, err
	}
	if b.Charges, err = countCharges(ctx, d); err != nil {
		return b, err
	}
	if b.Rho > 0 {
		if b.Epsilon, _, err = privacy.Epsilon(b.Rho, delta); err != nil {
			return b, fmt.Errorf("convert the budget: %w", err)
		}
	}
	return b, nil
}

// countCharges counts those of the period that runs.
func countCharges(ctx context.Context, d *device.Device) (int, error) {
	rows, err := d.Outbox.Entries(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, row := range rows {
		e, err := privacy.ParseEntry(row)
		if err != nil {
			return 0, err
		}
		if n++; e.Kind == privacy.EntryPeriod {
			n = 0
		}
	}
	return n, nil
}

func budgetCommand() *cobra.Command {
	var fresh, yes bool
	cmd := &cobra.Command{Use: "budget", Short: "Show how much of the privacy budget is spent, or start a new period", Args: exactly(),
		Long: "Shows what the device's ledger says. With --new-period the budget begins again from zero: what was learned about you so far\n" +
			"stays learned, and what later rounds learn adds to it. The device may then answer as often again as its policy allows, within one\n" +
			"period of the coordinator's log too, and the figure that is published from the log does not cover such a device. It is also the way\n" +
			"out when the ledger is damaged or an old copy.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if yes && !fresh {
				return usageError{fmt.Errorf("--yes belongs to --new-period")}
			}
			if fresh {
				return newPeriod(cmd, args, yes)
			}
			return with(showBudget)(cmd, args)
		}}
	cmd.Flags().BoolVar(&fresh, "new-period", false, "start a new ledger period")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --new-period: yes, begin again from zero")
	return cmd
}

func showBudget(cmd *cobra.Command, d *device.Device) error {
	b, err := readBudget(cmd.Context(), d)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, b)
	}
	fmt.Fprintln(cmd.OutOrStdout(), b)
	return nil
}

func (b budget) String() string {
	if b.Spent != "" {
		return fmt.Sprintf("policy %s: the budget counts as spent: %s", b.Policy, b.Spent)
	}
	return fmt.Sprintf("policy %s: ρ %s of %.4g spent in %d charges (ε = %s at δ = %.0e, for this device's whole history in the period, without amplification)",
		b.Policy, privacy.Shown(b.Rho, 4), b.Ceiling, b.Charges, privacy.Shown(b.Epsilon, 4), b.Delta)
}

// newPeriod starts a period, if its owner means it. The device is opened after that: its ledger may be gone.
func newPeriod(cmd *cobra.Command, args []string, yes bool) error {
	if !yes {
		return fmt.Errorf("%w: a new period forgets what was spent, not what was learned: this device may then answer as often again as its policy allows, and the figure that is published from the log does not cover that; say --new-period --yes if that is what you want", errDecide)
	}
	dir, err := folder(cmd)
	if err != nil {
		return err
	}
	p, err := device.NewPeriod(cmd.Context(), dir, time.Now())
	if err != nil {
		return err
	}
	show := with(func(cmd *cobra.Command, d *device.Device) error { return showPeriod(cmd, d, p) })
	if err := show(cmd, args); err != nil {
		return fmt.Errorf("a new period began, ledger entry %d, so do not ask for it again; showing it failed: %w", p.Entry.Seq, err)
	}
	return nil
}

func showPeriod(cmd *cobra.Command, d *device.Device, p door.Period) error {
	b, err := readBudget(cmd.Context(), d)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, map[string]any{"sequence": p.Entry.Seq, "kept_aside": p.Aside, "round_forgotten": p.Forgot, "budget": b})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "a new period began, ledger entry %d\n", p.Entry.Seq)
	if p.Aside > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d entries of the old ledger could not be continued and are kept aside in door.sqlite\n", p.Aside)
	}
	if p.Forgot {
		fmt.Fprintln(cmd.OutOrStdout(), "the round that was saved was damaged and is forgotten")
	}
	fmt.Fprintln(cmd.OutOrStdout(), b)
	return nil
}

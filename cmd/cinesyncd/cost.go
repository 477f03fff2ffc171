package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/privacy"
)

// cost is what this device's part in all models so far cost: all that its ledger ever charged, whichever period it was in. A model
// forgets nothing when a period begins.
type cost struct {
	Epsilon float64 `json:"epsilon"`
	Delta   float64 `json:"delta"`
	Rho     float64 `json:"rho"`
	Charges int     `json:"charges"`
	auditing.Claim
	Missing []string `json:"not_counted"`      // what is not in the figure, which is then a lower bound
	Period  *budget  `json:"period,omitempty"` // that runs; nil: the ledger cannot be read
}

// readCost adds up the whole ledger. What of it is lost is named, since nobody can count it.
func readCost(ctx context.Context, d *device.Device) (cost, error) {
	c := cost{Delta: delta, Missing: []string{}, Claim: auditing.ClaimOfDevice(d.Floor.GammaBP, uint16(slices.Max(d.Floor.Modes)), d.Floor.LoopOnly)}
	b, err := readBudget(ctx, d)
	if err != nil {
		c.Missing = append(c.Missing, err.Error())
		return c, nil
	}
	c.Period = &b
	if b.Spent != "" {
		c.Missing = append(c.Missing, b.Spent)
	}
	rows, err := d.Outbox.Entries(ctx)
	if err != nil {
		return c, fmt.Errorf("read privacy ledger: %w", err)
	}
	for i, row := range rows {
		e, err := privacy.ParseEntry(row)
		if err != nil {
			return c, err
		}
		if i == 0 && e.Seq != 1 {
			c.Missing = append(c.Missing, fmt.Sprintf("an earlier ledger of this device was lost or put aside before entry %d, and nobody knows what it held", e.Seq))
		}
		if e.Kind == privacy.EntryCharge {
			c.Charges++
			c.Rho += e.Units.Rho()
		}
	}
	if c.Epsilon, _, err = privacy.Epsilon(c.Rho, delta); err != nil {
		return c, fmt.Errorf("convert what all periods cost: %w", err)
	}
	return c, nil
}

// String is the figure with all that belongs to it, and the running period apart.
func (c cost) String() string {
	var b strings.Builder
	least := ""
	if len(c.Missing) > 0 {
		least = "at least "
	}
	fmt.Fprintf(&b, "ε = %s%s at δ = %.0e (ρ = %s in %d charges, in all ledger periods)\n  %s", least, privacy.Shown(c.Epsilon, 4), c.Delta, privacy.Shown(c.Rho, 4), c.Charges,
		strings.Join(c.Lines(), "\n  "))
	for _, what := range c.Missing {
		fmt.Fprintf(&b, "\n  not counted: %s", what)
	}
	if c.Warning != "" {
		fmt.Fprintf(&b, "\n  do not rely on this figure: %s", c.Warning)
	}
	if c.Period != nil {
		fmt.Fprintf(&b, "\nthe ledger period that runs: %s", c.Period)
	}
	return b.String()
}

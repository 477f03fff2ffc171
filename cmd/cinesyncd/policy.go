package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/cmd/internal/device"
)

// policyView is a policy with what it means and the numbers behind that.
type policyView struct {
	Policy         string   `json:"policy"`
	Meaning        string   `json:"meaning"`
	Members        uint32   `json:"members"`
	Noise          float64  `json:"noise"` // least noise multiplier z
	Ceiling        float64  `json:"rho_ceiling"`
	Epsilon        float64  `json:"epsilon"`
	Delta          float64  `json:"delta"`
	Participations uint32   `json:"participations"` // a question, in a period
	Spacing        uint32   `json:"spacing"`        // rounds
	PeriodDays     float64  `json:"period_days"`
	Gamma          float64  `json:"gamma"` // least share of hostile members to withstand
	Loss           float64  `json:"loss"`  // most members a round may lose
	Lambda         uint16   `json:"lambda"`
	Clip           float32  `json:"max_clip"`
	Cohorts        uint32   `json:"cohorts"`
	Modes          []string `json:"modes"`
	Kex            []uint16 `json:"kex"`
	Sig            []uint16 `json:"sig"`
	WordBits       []uint16 `json:"word_bits"`
	Questions      []string `json:"questions"`
}

func viewPolicy(f participant.Floor) (v policyView, err error) {
	v = policyView{Policy: f.Name, Members: f.NMin, Noise: float64(f.ZNum) / float64(f.ZDen), Ceiling: f.Ceiling.Rho(), Delta: participant.ShownDelta,
		Participations: f.P, Spacing: f.B, PeriodDays: float64(f.Period) / (24 * 3600), Gamma: float64(f.GammaBP) / 10000, Loss: float64(f.DeltaBP) / 10000,
		Lambda: f.Lambda, Clip: f.MaxC, Cohorts: max(1, f.MaxCohorts), Kex: f.Suites.Kex, Sig: f.Suites.Sig, WordBits: f.WordBits, Questions: f.Purposes}
	for _, m := range f.Modes {
		v.Modes = append(v.Modes, m.String())
	}
	if v.Meaning, err = f.Meaning(); err != nil {
		return v, err
	}
	v.Epsilon, err = f.Epsilon()
	return v, err
}

func (v policyView) print(out io.Writer) {
	fmt.Fprintf(out, "policy %s\n%s\n", v.Policy, v.Meaning)
	fmt.Fprintf(out, "  at least %d members, noise z ≥ %.4g; in %.4g days ρ ≤ %.4g (ε = %.2f at δ = %.0e); %d participations a question, %d rounds apart\n",
		v.Members, v.Noise, v.PeriodDays, v.Ceiling, v.Epsilon, v.Delta, v.Participations, v.Spacing)
	fmt.Fprintf(out, "  γ ≥ %.4g %%, δ ≤ %.4g %%, λ ≥ %d, clip ≤ %.4g, cohorts ≤ %d; modes %s; kex %v, sig %v, word bits %v; questions %s\n",
		100*v.Gamma, 100*v.Loss, v.Lambda, v.Clip, v.Cohorts, strings.Join(v.Modes, " "), v.Kex, v.Sig, v.WordBits, strings.Join(v.Questions, " "))
	witnesses := ""
	if slices.Equal(v.Modes, []string{aggregation.ModeW.String()}) {
		witnesses = " and no quorum of the log's witnesses"
	}
	fmt.Fprintf(out, "  for this device's whole history, towards a coordinator that controls at most %.4g %% of each roster%s, without amplification\n", 100*v.Gamma, witnesses)
}

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Show what this device allows, list the policies, or set one", Args: noSuchCommand,
		Long: "Shows the policy in force: what it means and its numbers. No coordinator can weaken it. `list` shows those to choose from,\n" +
			"`set` takes one of them, or edits a number.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := folder(cmd)
			if err != nil {
				return err
			}
			cfg, err := device.Load(dir)
			if err != nil {
				return err
			}
			floor, err := cfg.Floor(dir)
			if err != nil {
				return err
			}
			v, err := viewPolicy(floor)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			v.print(cmd.OutOrStdout())
			return nil
		}}
	cmd.AddCommand(policyListCommand(), policySetCommand())
	return cmd
}

func policyListCommand() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "Show the policies to choose from, strictest first", Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
		var all []policyView
		for _, f := range participant.Policies() {
			v, err := viewPolicy(f)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		if wantsJSON(cmd) {
			return printJSON(cmd, all)
		}
		for _, v := range all {
			v.print(cmd.OutOrStdout())
		}
		return nil
	}}
}

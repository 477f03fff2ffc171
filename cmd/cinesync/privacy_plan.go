package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/budget"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// budgetFlags are the planner's as they are written.
type budgetFlags struct {
	want        budget.Want
	gamma, loss string
	plot        string
	asJSON      bool
}

func privacyPlan() *cobra.Command {
	var f budgetFlags
	cmd := &cobra.Command{Use: "plan", Short: "From people, rounds and ε to clip, noise, words and bytes",
		Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
			want, err := f.read(cmd)
			if err != nil {
				return usageError{err}
			}
			p, err := want.Plan()
			var wrong budget.FieldError
			switch {
			case errors.As(err, &wrong):
				return usageError{err}
			case err != nil:
				return err
			}
			if err := f.draw(p); err != nil {
				return err
			}
			if f.asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(p)
			}
			return printBudget(cmd.OutOrStdout(), p, f.plot)
		}}
	fl := cmd.Flags()
	fl.IntVar(&f.want.Population, "population", 0, "devices that there are")
	fl.IntVar(&f.want.Cohort, "cohort", 0, "members of one round")
	fl.IntVar(&f.want.Rounds, "rounds", 0, "rounds in all, within one ledger period")
	fl.Float64Var(&f.want.Epsilon, "epsilon", 0, "most ε of one device over all rounds")
	fl.IntVar(&f.want.Dim, "dim", 0, "coordinates of the model")
	fl.IntVar(&f.want.Participations, "participations", 0, "most rounds of one device (default: the fewest that fill the rounds)")
	fl.Float64Var(&f.want.Delta, "delta", 0, "δ (default: the least of 1e-6 and population^-1.1)")
	fl.Float32Var(&f.want.Clip, "clip", model.DefaultClip("two-tower"), "largest norm of one device's update")
	fl.StringVar(&f.gamma, "gamma", "0.05", "largest part of a roster that works with the coordinator: 0.05 or 5%")
	fl.StringVar(&f.loss, "loss", "0.10", "largest part lost between roster and survivors: 0.1 or 10%")
	fl.StringVar(&f.plot, "plot", "", "write a picture of ε against rounds and noise: FILE.svg, .png or .pdf")
	fl.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func (f *budgetFlags) read(cmd *cobra.Command) (budget.Want, error) {
	w := f.want
	for _, name := range []string{"population", "cohort", "rounds", "epsilon", "dim"} {
		if !cmd.Flags().Changed(name) {
			return w, fmt.Errorf("%s: --%s is missing", cmd.CommandPath(), name)
		}
	}
	for _, name := range []string{"participations", "delta"} {
		if cmd.Flags().Changed(name) && cmd.Flags().Lookup(name).Value.String() == "0" {
			return w, fmt.Errorf("--%s is 0: leave it out for the default, or give a positive number", name)
		}
	}
	if ending := f.format(); f.plot != "" && !slices.Contains(budget.Formats(), ending) {
		return w, fmt.Errorf("--plot is %q: want a name that ends in one of %v", f.plot, budget.Formats())
	}
	var err error
	if w.GammaBP, err = basisPoints(f.gamma); err != nil {
		return w, fmt.Errorf("--gamma is %q: %w", f.gamma, err)
	}
	if w.LossBP, err = basisPoints(f.loss); err != nil {
		return w, fmt.Errorf("--loss is %q: %w", f.loss, err)
	}
	return w, nil
}

func (f *budgetFlags) format() string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(f.plot), "."))
}

// draw writes the picture, whole or not at all.
func (f *budgetFlags) draw(p budget.Plan) error {
	if f.plot == "" {
		return nil
	}
	var b bytes.Buffer
	if err := p.Draw(&b, f.format()); err != nil {
		return err
	}
	if err := os.WriteFile(f.plot, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}

func printBudget(w io.Writer, p budget.Plan, picture string) error {
	fmt.Fprintf(w, "%d rounds of %d members among %d devices, %d rounds of each at most, %d coordinates\n", p.Rounds, p.Cohort, p.Population, p.Participations, p.Dim)
	fmt.Fprintf(w, "ε = %.4g at δ = %s for %s,\ntowards %s, without amplification\n", p.Epsilon, writeDelta(p.Delta), p.Unit, p.Towards)
	fmt.Fprintf(w, "(ρ = %.4g, %d units a round; %s, at order %.4g)\n\n", p.Rho, p.RhoUnits, p.Formula, p.Order)
	c := p.Chosen
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "clip\tC = %v, as C_int = %d on the grid\n", p.Clip, c.CInt)
	fmt.Fprintf(t, "noise of a sum\tσ_tot = %.4g (z = %.4g times the clip; σ_tot² = %d)\n", c.SigmaTot, p.Noise, c.SigmaTotSq)
	fmt.Fprintf(t, "noise of a device\tσ_loc = %.4g (σ_loc² = %d, for %d honest survivors at least)\n", c.SigmaLoc, c.SigmaLocSq, p.HonestFloor)
	fmt.Fprintf(t, "when nobody is lost\t%.3g times the noise that is needed\n", c.Surplus)
	fmt.Fprintf(t, "words\t%d bits a coordinate\n", c.WordBits)
	fmt.Fprintf(t, "bytes of a device\t%s up and %s down a round, %s up in all its rounds; the model file comes beside\n", size(c.Up), size(c.Down), size(c.Up*int64(p.Participations)))
	fmt.Fprintf(t, "noise to update\t%.3g when as many are lost as may be, %.3g when nobody is\n", c.Ratio, c.RatioNoLoss)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n\n", reading(p))
	if err := printEncodings(w, p); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, v := range p.Policies {
		switch {
		case v.Takes && v.Spacing > 1:
			fmt.Fprintf(w, "devices under policy %s take part where spacing_rounds of the task is %d or more\n", v.Policy, v.Spacing)
		case v.Takes:
			fmt.Fprintf(w, "devices under policy %s take part\n", v.Policy)
		default:
			fmt.Fprintf(w, "devices under policy %s refuse: %s\n", v.Policy, v.Why)
		}
	}
	if picture != "" {
		fmt.Fprintf(w, "\nε against rounds and noise: %s\n", picture)
	}
	return nil
}

// writeDelta rounds up to three digits, but never to 1, which would say that nothing is promised.
func writeDelta(delta float64) string {
	if s := privacy.Shown(delta, 3); s != "1" {
		return s
	}
	return fmt.Sprint(delta)
}

// reading says in words what the ratio means, and what accuracy was measured at such noise.
func reading(p budget.Plan) string {
	ratio := p.Chosen.Ratio
	told := "\nNo accuracy is told: this is " + p.Unmeasured + "."
	if a := p.Accuracy; a != nil {
		told = fmt.Sprintf("\nExpected %s %.2f (%.2f to %.2f); popularity %.2f, without noise %.2f: fitted to\n%s.\nOther titles, people and recipes lie elsewhere: train your own task with this noise before promising anything.",
			a.Metric, a.Value, a.Low, a.High, a.Popularity, a.Quiet, a.Source)
	}
	switch {
	case ratio <= 0.3:
		return "The noise in the mean is well below one clipped update: such a round moves the model. " + told
	case ratio <= 1.5:
		return "The noise in the mean is about as long as one clipped update: many rounds average it away, at some cost. " + told
	default:
		return "The noise in the mean drowns a single update: a larger cohort, a smaller model or more ε is needed. " + told
	}
}

func printEncodings(w io.Writer, p budget.Plan) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "bits\tC_int\tnoise to update\tup a round\t")
	for _, e := range p.Encodings {
		if !e.Fits {
			fmt.Fprintf(t, "%d\tdoes not fit\t\t\t\n", e.WordBits)
			continue
		}
		fmt.Fprintf(t, "%d\t%d\t%.3g\t%s\t\n", e.WordBits, e.CInt, e.Ratio, size(e.Up))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range p.Encodings {
		if !e.Fits {
			fmt.Fprintf(w, "%d bits: %s\n", e.WordBits, e.Why)
		}
	}
	return nil
}

package attack

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes both tables for people, with what a reader has to know beside them.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "canary devices: %s\nδ = %v; towards %s\n\n", r.Unit, r.Delta, r.Towards)
	if err := table(w, r.canaryTable()); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nmembership inference on a two-tower model, %s\n\n", r.whose())
	if err := table(w, r.peopleTable()); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nA lower bound shows what these attacks prove. That they prove little does not show that others would not prove more.")
	return err
}

func (r *Report) whose() string {
	p := r.People[0]
	return fmt.Sprintf("%d people of whom %d were in, %d rounds", p.People, p.Loss.Members, p.Rounds)
}

// canaryTable is a row for each run, with the head first.
func (r *Report) canaryTable() [][]string {
	rows := [][]string{{"noise", "ε claimed", "ε at least (95 %)", "right guesses", "ε about", "AUC (95 %)", "found at 0.1 % false alarms (95 %)", "the claim"}}
	for _, c := range r.Canaries {
		about := fmt.Sprintf("%.2f", c.Estimate)
		if c.Noise == none {
			about = "-" // how far scores scatter is then the directions' overlap, and no mechanism's
		}
		rows = append(rows, []string{c.Noise, fmt.Sprintf("%.3f", c.Claimed), fmt.Sprintf("%.3f", c.Attack.Lower), c.Attack.guesses(), about,
			c.Attack.area(), c.Attack.AtTenth.String(), c.verdict()})
	}
	return rows
}

func (c *CanaryRun) verdict() string {
	switch {
	case c.Noise == whole && !c.Caught:
		return "stands"
	case c.Noise == whole || c.seen():
		return "refuted"
	}
	return "NOT CAUGHT"
}

// peopleTable has two rows for each training: an attack each.
func (r *Report) peopleTable() [][]string {
	rows := [][]string{{"noise", "hit rate@10 (popularity)", "attack by", "AUC (95 %)", "found at 1 % false alarms (95 %)", "at 0.1 %", "ε at least (95 %)"}}
	for _, p := range r.People {
		for _, a := range []struct {
			by string
			Inference
		}{{"loss of the served model", p.Loss}, {"each round's mean update", p.Update}} {
			rows = append(rows, []string{p.Noise, fmt.Sprintf("%.3f (%.3f)", p.HitRate, p.Popularity), a.by, a.area(), a.AtOne.String(), a.AtTenth.String(), fmt.Sprintf("%.3f", a.Lower)})
		}
	}
	return rows
}

func (a Inference) guesses() string { return fmt.Sprintf("%d of %d", a.Correct, a.Guesses) }

func (a Inference) area() string {
	return fmt.Sprintf("%.3f (%.3f to %.3f)", a.AUC, a.AUCLow, a.AUCHigh)
}

// String is the share in percent with its limits.
func (f Found) String() string {
	return fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*f.Share, 100*f.Low, 100*f.High)
}

func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/cmd/internal/device"
)

// policySet is what the flags of `policy set` say.
type policySet struct {
	edit           device.Edit
	cohorts        uint32
	kex, sig, bits []uint
}

func policySetCommand() *cobra.Command {
	var s policySet
	cmd := &cobra.Command{Use: "set [NAME]", Short: "Take a policy, or edit a number of it",
		Long: "NAME is " + participant.PolicyNames() + "; naming one drops what was edited before, and keeps kex, sig and word-bits. A flag puts a number\n" +
			"in place of the policy's, be it stricter or weaker. The file device.json is written whole or not at all. What was spent\n" +
			"stays spent.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("set has no place for the argument %q", args[1])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return setPolicy(cmd, args, &s) }}
	f := cmd.Flags()
	f.Float64Var(&s.edit.Ceiling, "ceiling", 0, "most ρ in a period, all questions together")
	f.Uint32Var(&s.edit.Members, "members", 0, "smallest roster")
	f.StringVar(&s.edit.Noise, "noise", "", "least noise multiplier z, such as 3, 2.5 or 5/2")
	f.Uint32Var(&s.edit.Participations, "participations", 0, "most answers to a question in a period")
	f.Uint32Var(&s.edit.Spacing, "spacing", 0, "least distance between two answers, in rounds")
	f.Uint32Var(&s.edit.PeriodDays, "period-days", 0, "length of a period")
	f.Uint32Var(&s.cohorts, "cohorts", 0, "most groups that a roster may be cut into")
	f.UintSliceVar(&s.kex, "kex", nil, "key agreements that a round may have, such as 2")
	f.UintSliceVar(&s.sig, "sig", nil, "signature suites that a round may have")
	f.UintSliceVar(&s.bits, "word-bits", nil, "word sizes that a round may have")
	return cmd
}

func setPolicy(cmd *cobra.Command, args []string, s *policySet) error {
	dir, err := folder(cmd)
	if err != nil {
		return err
	}
	if len(args) == 0 && cmd.Flags().NFlag() == countGlobal(cmd) {
		return usageError{errors.New("set wants the name of a policy, or a number to edit: see `cinesyncd policy set --help`")}
	}
	before, after, err := device.SetPolicy(dir, func(cfg *device.Config) error {
		if len(args) == 1 {
			cfg.Policy, cfg.Edit, cfg.MinMembers, cfg.MaxCohorts = args[0], device.Edit{}, 0, 0
		}
		return s.apply(cmd, cfg)
	})
	if err != nil {
		return err
	}
	return showChange(cmd, before, after)
}

// countGlobal is how many of the flags that were given belong to every command.
func countGlobal(cmd *cobra.Command) (n int) {
	for _, name := range []string{"dir", "json"} {
		if cmd.Flags().Changed(name) {
			n++
		}
	}
	return n
}

// apply puts what the flags say into a configuration. A flag that was given has a value of its range.
func (s *policySet) apply(cmd *cobra.Command, cfg *device.Config) error {
	given := cmd.Flags().Changed
	for flag, put := range map[string]func(){
		"ceiling": func() { cfg.Edit.Ceiling = s.edit.Ceiling }, "members": func() { cfg.Edit.Members, cfg.MinMembers = s.edit.Members, 0 },
		"noise": func() { cfg.Edit.Noise = s.edit.Noise }, "participations": func() { cfg.Edit.Participations = s.edit.Participations },
		"spacing": func() { cfg.Edit.Spacing = s.edit.Spacing }, "period-days": func() { cfg.Edit.PeriodDays = s.edit.PeriodDays },
	} {
		if !given(flag) {
			continue
		}
		if err := s.edit.CheckField(strings.ReplaceAll(flag, "-", "_")); err != nil {
			return usageError{fmt.Errorf("--%w", err)}
		}
		put()
	}
	if given("cohorts") {
		if s.cohorts == 0 {
			return usageError{errors.New("--cohorts is 0: want 1 for none, or more")}
		}
		cfg.MaxCohorts = s.cohorts
	}
	for _, l := range []struct {
		flag string
		from []uint
		to   *[]uint16
	}{{"kex", s.kex, &cfg.Kex}, {"sig", s.sig, &cfg.Sig}, {"word-bits", s.bits, &cfg.WordBits}} {
		if !given(l.flag) {
			continue
		}
		*l.to = nil
		for _, v := range l.from {
			if v > 1<<16-1 {
				return usageError{fmt.Errorf("--%s names %d, which is no suite", l.flag, v)}
			}
			*l.to = append(*l.to, uint16(v))
		}
	}
	return nil
}

// policyChange is what `policy set` says it did.
type policyChange struct {
	Before *policyView `json:"before"` // null: nothing that could be read was in force
	After  policyView  `json:"after"`
	Weaker []string    `json:"weaker"` // numbers that allow more than before
	Below  []string    `json:"weaker_than_shipped"`
}

func showChange(cmd *cobra.Command, before, after participant.Floor) error {
	c := policyChange{Weaker: []string{}, Below: append([]string{}, after.Weaker(participant.Balanced())...)}
	var err error
	if c.After, err = viewPolicy(after); err != nil {
		return err
	}
	if before.Name != "" {
		v, err := viewPolicy(before)
		if err != nil {
			return err
		}
		c.Before, c.Weaker = &v, append(c.Weaker, after.Weaker(before)...)
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, c)
	}
	out := cmd.OutOrStdout()
	c.After.print(out)
	if len(c.Weaker) > 0 {
		fmt.Fprintf(out, "This allows more than before in %s: a period may now cost ε = %.2f where it was %.2f (δ = %.0e), and what is learned under it cannot be taken back.\n",
			strings.Join(c.Weaker, ", "), c.After.Epsilon, c.Before.Epsilon, c.After.Delta)
	}
	if len(c.Below) > 0 {
		fmt.Fprintf(out, "It is weaker than the shipped policy %s in %s.\n", participant.Shipped, strings.Join(c.Below, ", "))
	}
	fmt.Fprintln(out, "What was spent stays spent; the policy holds from the next `cinesyncd run` on.")
	return nil
}

package main

import (
	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/secagg"
)

// secaggCommand answers questions about secure aggregation; it runs nothing.
func secaggCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "secagg", Short: "Check secure aggregation's known answers, plan what a round would cost",
		Args: noSuchCommand, RunE: help}
	cmd.AddCommand(secaggCheck(), secaggPlan())
	return cmd
}

func secaggCheck() *cobra.Command {
	return checkVectors("Evaluate a file of graph parameters, a line per vector", secagg.Kinds)
}

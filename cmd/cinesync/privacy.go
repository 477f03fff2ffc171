package main

import "github.com/spf13/cobra"

// privacyCommand answers questions about the privacy of rounds; it runs none with people in it.
func privacyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "privacy", Short: "Check the accountants, plan rounds, attack our own system",
		Args: noSuchCommand, RunE: help}
	cmd.AddCommand(privacyParts()...)
	return cmd
}

// privacyParts has a line for each file privacy_NAME.go.
func privacyParts() []*cobra.Command {
	return []*cobra.Command{
		privacyCheck(),
		privacyAudit(),
		privacyPlan(),
	}
}

package main

import (
	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/accounts"
)

func privacyCheck() *cobra.Command {
	return checkVectors("Evaluate a file of accountants' known answers, a line per vector", accounts.Kinds)
}

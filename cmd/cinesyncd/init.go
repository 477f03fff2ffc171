package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/identity"
)

func initCommand() *cobra.Command {
	var address, coordinator, authority, origin, logKey string
	cmd := &cobra.Command{Use: "init", Short: "Make a device: its key, its pins, and a request for a certificate", Args: exactly(),
		Long: "Makes a device in --dir, once. If it is stopped before it is done, call it again: it goes on with the key that is there.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := folder(cmd)
			if err != nil {
				return err
			}
			var pins [3]ed25519.PublicKey
			for i, f := range []struct{ flag, text string }{{"--coordinator-key", coordinator}, {"--authority", authority}, {"--log-key", logKey}} {
				if pins[i], err = identity.ParsePublic(f.text); err != nil {
					return usageError{fmt.Errorf("%s: %w", f.flag, err)}
				}
			}
			if address == "" || origin == "" {
				return usageError{fmt.Errorf("--coordinator and --log-origin must be set: the coordinator's operator publishes them")}
			}
			if err := device.CheckAddress(address); err != nil {
				return usageError{fmt.Errorf("--coordinator: %w", err)}
			}
			pub, path, err := device.Init(dir, device.New(address, pins[0], pins[1], pins[2], origin, "balanced"), rand.Reader)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, map[string]string{"identity": hex.EncodeToString(pub), "request": path})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "device %x\nsend %s to the enrolment authority; put the identity.cert that comes back beside it\nthen: cinesyncd import --dir %s PATH\n", []byte(pub), path, dir)
			return nil
		}}
	f := cmd.Flags()
	f.StringVar(&address, "coordinator", "", "the coordinator's address, host:port")
	f.StringVar(&coordinator, "coordinator-key", "", "its public key, hex")
	f.StringVar(&authority, "authority", "", "the enrolment authority's public key, hex")
	f.StringVar(&origin, "log-origin", "", "the log's name")
	f.StringVar(&logKey, "log-key", "", "the log's public key, hex")
	return cmd
}

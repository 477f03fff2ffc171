package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

func initCommand() *cobra.Command {
	var address, overTCP, coordinator, authority, origin, logKey, witnesses string
	cmd := &cobra.Command{Use: "init", Short: "Make a device: its key, its pins, and a request for a certificate", Args: exactly(),
		Long: "Makes a device in --dir, once. If it is stopped before it is done, call it again: it goes on with the key that is there.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := folder(cmd)
			if err != nil {
				return err
			}
			var pins [3]protocol.Verifier
			for i, f := range []struct{ flag, text string }{{"--coordinator-key", coordinator}, {"--authority", authority}, {"--log-key", logKey}} {
				if pins[i], err = pin(f.text); err != nil {
					return usageError{fmt.Errorf("%s: %w", f.flag, err)}
				}
			}
			if address == "" || origin == "" {
				return usageError{fmt.Errorf("--coordinator and --log-origin must be set: the coordinator's operator publishes them")}
			}
			if err := device.CheckAddress(address); err != nil {
				return usageError{fmt.Errorf("--coordinator: %w", err)}
			}
			if overTCP != "" {
				if err := device.CheckAddress(overTCP); err != nil {
					return usageError{fmt.Errorf("--coordinator-tcp: %w", err)}
				}
			}
			cfg := device.New(address, pins[0], pins[1], pins[2].Ed, origin, "balanced")
			cfg.AddressTCP = overTCP
			if witnesses != "" {
				policy, err := witnessPolicy(witnesses)
				if err != nil {
					return usageError{fmt.Errorf("--witnesses: %w", err)}
				}
				cfg.PinWitnesses(policy)
			}
			pub, path, err := device.Init(dir, cfg, rand.Reader)
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
	f.StringVar(&overTCP, "coordinator-tcp", "", "its address over TCP, host:port, for when the other does not answer")
	f.StringVar(&coordinator, "coordinator-key", "", "its public key: hex, or @FILE for both keys of its identity.pub")
	f.StringVar(&authority, "authority", "", "the enrolment authority's public key: hex, or @FILE for both keys of its authority.pub")
	f.StringVar(&origin, "log-origin", "", "the log's name")
	f.StringVar(&logKey, "log-key", "", "the log's public key, hex")
	f.StringVar(&witnesses, "witnesses", "", "the log's witness policy, a file; without one this device takes part in no round of mode W, and policy balanced in none at all")
	return cmd
}

// pin reads a public key: its hex, or @ and the name of a file that holds it and perhaps its post-quantum half.
func pin(text string) (protocol.Verifier, error) {
	if path, ok := strings.CutPrefix(text, "@"); ok {
		return identity.LoadPublic(path)
	}
	key, err := identity.ParsePublic(text)
	return protocol.Verifier{Ed: key}, err
}

// witnessPolicy reads a witness policy from a file.
func witnessPolicy(path string) (audit.WitnessPolicy, error) {
	f, err := os.Open(path)
	if err != nil {
		return audit.WitnessPolicy{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, audit.MaxWitnessPolicy+1))
	if err != nil {
		return audit.WitnessPolicy{}, err
	}
	p, err := audit.ParseWitnessPolicy(b)
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// enrolCommand is the enrolment authority's: its key lies in a folder of its own that no coordinator reads.
func enrolCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "enrol", Short: "Be the enrolment authority: make its key, turn requests into certificates",
		Args: noSuchCommand, RunE: help}
	cmd.AddCommand(enrolInit(), enrolSign())
	return cmd
}

func enrolInit() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{Use: "init", Short: "Make the authority's key", Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
		pub, err := identity.Create(filepath.Join(dir, "authority.key"), rand.Reader)
		if err != nil {
			return err
		}
		key, err := identity.LoadKey(filepath.Join(dir, "authority.key"))
		if err != nil {
			return err
		}
		if err := identity.WritePublic(filepath.Join(dir, "authority.pub"), protocol.VerifierOf(key, protocol.SigHybrid)); err != nil {
			return fmt.Errorf("write public key: %w", err)
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"authority": hex.EncodeToString(pub)})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "authority key %x\nkeep %s offline; give every party %s, which holds the public keys\n", []byte(pub), filepath.Join(dir, "authority.key"), filepath.Join(dir, "authority.pub"))
		return nil
	}}
	cmd.Flags().StringVar(&dir, "dir", "enrol", "the authority's folder")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func enrolSign() *cobra.Command {
	var dir, out string
	var days, quota int
	var asJSON bool
	cmd := &cobra.Command{Use: "sign REQUEST", Short: "Turn a signed request into a certificate", Args: exactly("REQUEST"), RunE: func(cmd *cobra.Command, args []string) error {
		if days < 1 || days > 3650 || quota < 1 || quota > 65535 {
			return usageError{fmt.Errorf("--days %d, --quota %d: want 1 to 3650 and 1 to 65535", days, quota)}
		}
		text, err := os.ReadFile(args[0])
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		req, err := protocol.ParseRequestArmor(text)
		if err != nil {
			return fmt.Errorf("request %s: %w", args[0], err)
		}
		key, err := identity.LoadKey(filepath.Join(dir, "authority.key"))
		if err != nil {
			return err
		}
		cert, certPQ, err := operate.Sign(key, req, operate.Enrolled{Days: days, Quota: uint16(quota)}, time.Now())
		if err != nil {
			return err
		}
		if out == "" {
			out = filepath.Join(filepath.Dir(args[0]), "identity.cert")
		}
		if err := identity.WriteCert(out, cert, certPQ); err != nil {
			return fmt.Errorf("write certificate: %w", err)
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"identity": hex.EncodeToString(cert.IDPK[:]), "class": cert.Class, "not_after": cert.NotAfter, "file": out})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "certificate for %x, valid until %s: %s\n", cert.IDPK, time.Unix(int64(cert.NotAfter), 0).UTC().Format(time.DateOnly), out)
		return nil
	}}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "enrol", "the authority's folder")
	f.StringVar(&out, "out", "", "where the certificate goes (default: identity.cert beside the request)")
	f.IntVar(&days, "days", 30, "days of validity")
	f.IntVar(&quota, "quota", 1000, "most rounds while it is valid")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

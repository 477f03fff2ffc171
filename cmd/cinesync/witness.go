package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/witnessing"
)

// witnessCommand is a log witness's: whoever runs one is not the coordinator.
func witnessCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "witness", Short: "Be a witness: sign checkpoints of logs that only grow", Args: noSuchCommand, RunE: help}
	cmd.AddCommand(witnessInit(), witnessAddLog(), witnessRun())
	return cmd
}

func witnessInit() *cobra.Command {
	var name string
	var asJSON bool
	cmd := &cobra.Command{Use: "init DIR", Short: "Make a witness's folder and key", Args: exactly("DIR"), RunE: func(cmd *cobra.Command, args []string) error {
		if name == "" {
			return usageError{fmt.Errorf("--name is missing: a name for the signatures, such as witness.example.org/w1")}
		}
		w, err := witnessing.Init(args[0], name, rand.Reader)
		if err != nil {
			return err
		}
		alone := audit.WitnessPolicy{Witnesses: []audit.Witness{w}, Quorum: 1}
		if id := alone.ID(); asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"name": w.Name, "verifier_key": w.VerifierKey(),
				"policy": string(alone.Text()), "policy_id": hex.EncodeToString(id[:])})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "witness %s\nthe policy of this witness alone, for coordinator, devices and auditors:\n\n%s", w.VerifierKey(), alone.Text())
		return nil
	}}
	cmd.Flags().StringVar(&name, "name", "", "the name of its signatures")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func witnessAddLog() *cobra.Command {
	var origin, vkey, keys string
	var asJSON bool
	cmd := &cobra.Command{Use: "add-log DIR", Short: "Sign for a log, from its first entry on", Args: exactly("DIR"), RunE: func(cmd *cobra.Command, args []string) error {
		name, key, err := logKey(vkey, keys)
		if err != nil {
			return err
		}
		if origin != "" && origin != name {
			return fmt.Errorf("the key is the log %q's, --origin says %q", name, origin)
		}
		if err := witnessing.AddLog(args[0], name, key); err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"origin": name, "key": hex.EncodeToString(key)})
		}
		fmt.Fprintf(cmd.OutOrStdout(), "the witness signs for %s from its next start on\n", name)
		return nil
	}}
	f := cmd.Flags()
	f.StringVar(&vkey, "key", "", "the log's verifier key: origin+hash+base64")
	f.StringVar(&keys, "keys", "", "instead of --key: the file log/keys of a coordinator's public log")
	f.StringVar(&origin, "origin", "", "the log's origin, to be sure that the key is this log's")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// logKey reads a log's key from either of its two flags.
func logKey(vkey, file string) (string, ed25519.PublicKey, error) {
	switch {
	case (vkey == "") == (file == ""):
		return "", nil, usageError{fmt.Errorf("name the log with --key or with --keys, one of the two")}
	case vkey != "":
		return audit.ParseLogKey(vkey)
	}
	b, err := readAtMost(file, audit.MaxKeys)
	if err != nil {
		return "", nil, fmt.Errorf("read log keys: %w", err)
	}
	k, err := audit.ParseKeys(b)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", file, err)
	}
	return k.Origin, k.LogKey, nil
}

func witnessRun() *cobra.Command {
	var listen string
	var asJSON bool
	cmd := &cobra.Command{Use: "run DIR", Short: "Answer logs until stopped", Args: exactly("DIR"), RunE: func(cmd *cobra.Command, args []string) error {
		o := witnessing.Options{Listen: listen, Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)), Ready: sayWitness(cmd.OutOrStdout(), asJSON)}
		return witnessing.Serve(cmd.Context(), args[0], o)
	}}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4434", "host:port to answer on; port 0 takes a free one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object when it is ready")
	return cmd
}

func sayWitness(out io.Writer, asJSON bool) func(witnessing.Running) {
	return func(r witnessing.Running) {
		if asJSON {
			_ = json.NewEncoder(out).Encode(map[string]any{"kind": "listening", "name": r.Name, "address": r.Address, "logs": r.Sizes}) // strings and numbers
			return
		}
		fmt.Fprintf(out, "witness %s answers on %s\n", r.Name, r.Address)
		var origins []string
		for origin := range r.Sizes {
			origins = append(origins, origin)
		}
		slices.Sort(origins)
		for _, origin := range origins {
			fmt.Fprintf(out, "  %s, signed up to %d entries\n", origin, r.Sizes[origin])
		}
	}
}

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
)

// receiptCommand checks a receipt file against keys that are pinned, not against the log's entries: it works years later, without them.
func receiptCommand() *cobra.Command {
	var keys, policy string
	cmd := &cobra.Command{Use: "receipt FILE [DIR]", Short: "Check that a device's vector is in the sum that the log names", Args: upTo(1, 2),
		Long: `Checks a device's completed receipt: the coordinator's signature on it, the vector's path to the survivors, the survivors' and the
RoundClose's places in the log, that the log only grew in between, and who vouches for it. The keys come from --keys and --policy, or
from the log in DIR; then the receipt only agrees with that log.`,
		Example: `  cinesync-audit receipt --keys federation.keys --policy witnesses.policy round-7.receipt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			pins, err := receiptPins(keys, policy, args[1:])
			if err != nil {
				return err
			}
			b, err := small("receipt", args[0], audit.MaxReceiptFile)
			if err != nil {
				return err
			}
			f, err := audit.ParseReceiptFile(b)
			if err != nil {
				return err
			}
			r, err := f.Verify(auditing.ReceiptRules(), pins)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, receiptJSON(pins, r))
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), receiptText(pins, r))
			return err
		}}
	cmd.Flags().StringVar(&keys, "keys", "", "a log's keys file that came another way, instead of the one in DIR")
	cmd.Flags().StringVar(&policy, "policy", "", "the witness policy, instead of the one that the log in DIR names")
	return cmd
}

func receiptPins(keys, policy string, args []string) (audit.ReceiptPins, error) {
	var pins audit.ReceiptPins
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	if info, err := os.Stat(filepath.Join(dir, "log")); err == nil && info.IsDir() {
		dir = filepath.Join(dir, "log")
	}
	path := keys
	if path == "" {
		path = filepath.Join(dir, "keys")
	}
	b, err := small("the log's keys", path, audit.MaxKeys)
	if err != nil {
		return pins, err
	}
	k, err := audit.ParseKeys(b)
	if err != nil {
		return pins, fmt.Errorf("%s: %w", path, err)
	}
	pins = audit.ReceiptPins{Authority: k.Authority, Origin: k.Origin, LogKey: k.LogKey}
	own := filepath.Join(dir, "policy")
	_, err = os.Stat(own)
	switch {
	case policy != "":
		pins.Witnesses, err = policyFile(policy)
	case keys == "" && err == nil:
		pins.Witnesses, err = policyFile(own)
	case errors.Is(err, fs.ErrNotExist) || keys != "":
		err = nil
	}
	return pins, err
}

func receiptText(pins audit.ReceiptPins, r audit.ReceiptResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "the vector %x of member %d is one of %d that were summed\n", r.YHash, r.Index, r.Count)
	fmt.Fprintf(&b, "  round     %x, cohort %d\n  session   %x\n  sum       %x\n  model     %x\n", r.Open, r.Cohort, r.SID, r.SumHash, r.ModelOut)
	fmt.Fprintf(&b, "  log       %s, %d entries\n", pins.Origin, r.Size)
	if pins.Witnesses.IsZero() {
		fmt.Fprintln(&b, "  witnesses not checked: no witness policy")
	} else {
		id := pins.Witnesses.ID()
		fmt.Fprintf(&b, "  witnesses %s, %s\n  policy    %x\n", strings.Join(r.Witnesses, ", "), moment(r.Time), id)
	}
	return b.String()
}

func receiptJSON(pins audit.ReceiptPins, r audit.ReceiptResult) map[string]any {
	x := func(h [32]byte) string { return hex.EncodeToString(h[:]) }
	out := map[string]any{"ok": true, "index": r.Index, "y_hash": x(r.YHash), "sid": x(r.SID), "open": x(r.Open), "cohort": r.Cohort, "count": r.Count,
		"sum_hash": x(r.SumHash), "model_out": x(r.ModelOut), "origin": pins.Origin, "entries": r.Size}
	if !pins.Witnesses.IsZero() {
		out["witness_policy"], out["witnesses"], out["witnessed_at"] = x(pins.Witnesses.ID()), r.Witnesses, r.Time
	}
	return out
}

package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/protocol"
)

// receiptRow is one line of "what was summed".
type receiptRow struct {
	Round   uint64 `json:"round"`
	Open    string `json:"open"` // open_hash
	At      string `json:"at"`
	Session string `json:"sid"`
	Index   uint32 `json:"index"`
	Vector  string `json:"y_hash"`
	File    string `json:"file,omitempty"` // where it was exported to
}

func receiptsCommand() *cobra.Command {
	var dir string
	var limit int
	cmd := &cobra.Command{Use: "receipts", Short: "List the proofs that this device's contributions were counted, or export them", Args: exactly(),
		Long: "Lists the rounds that summed this device's vector. With --export each receipt is written to a file of its own, which\n" +
			"`cinesync-audit receipt FILE` checks on any machine, without this device.",
		RunE: with(func(cmd *cobra.Command, d *device.Device) error {
			if limit < 1 || limit > 100_000 {
				return usageError{fmt.Errorf("--n is %d: want 1 to 100000", limit)}
			}
			list, err := d.Outbox.Receipts(cmd.Context(), limit)
			if err != nil {
				return err
			}
			rows := []receiptRow{}
			for _, r := range list {
				row, err := describe(r)
				if err != nil {
					return fmt.Errorf("the receipt of round %d in door.sqlite: %w", r.Round, err)
				}
				if dir != "" {
					if row.File, err = export(dir, r); err != nil {
						return err
					}
				}
				rows = append(rows, row)
			}
			return printReceipts(cmd, rows)
		})}
	cmd.Flags().IntVar(&limit, "n", 100, "how many, newest first")
	cmd.Flags().StringVar(&dir, "export", "", "write each receipt to a file in this folder")
	return cmd
}

func describe(r door.Receipt) (receiptRow, error) {
	f, err := audit.ParseReceiptFile(r.File)
	if err != nil {
		return receiptRow{}, err
	}
	m, err := protocol.Parse(protocol.TypeReceipt, f.Receipt)
	if err != nil {
		return receiptRow{}, err
	}
	said := m.(*protocol.Receipt)
	return receiptRow{Round: r.Round, Open: hex.EncodeToString(r.OpenHash[:]), At: time.Unix(r.At, 0).UTC().Format(time.RFC3339),
		Session: hex.EncodeToString(said.SID[:]), Index: said.Index, Vector: hex.EncodeToString(said.YHash[:])}, nil
}

// export writes a receipt, named by its round. A file that is there is left alone if it is the same, and else not replaced.
func export(dir string, r door.Receipt) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("export receipts: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("round-%d-%x.receipt", r.Round, r.OpenHash[:4]))
	if old, err := os.ReadFile(path); err == nil {
		if string(old) != string(r.File) {
			return "", fmt.Errorf("export receipts: %s is there already and holds something else: move it away", path)
		}
		return path, nil
	}
	if err := os.WriteFile(path, r.File, 0o600); err != nil {
		return "", fmt.Errorf("export receipts: %w", err)
	}
	return path, nil
}

func printReceipts(cmd *cobra.Command, rows []receiptRow) error {
	if wantsJSON(cmd) {
		return printJSON(cmd, rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "no round has summed a vector of this device yet")
	}
	for _, r := range rows {
		fmt.Fprintf(cmd.OutOrStdout(), "%s  round %d  member %d  vector sha256 %s…", r.At, r.Round, r.Index, r.Vector[:16])
		if r.File != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "  %s", r.File)
		}
		fmt.Fprintln(cmd.OutOrStdout())
	}
	return nil
}

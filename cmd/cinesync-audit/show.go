package main

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
)

// shown is one entry with what proves it.
type shown struct {
	Index  uint64         `json:"index"`
	Kind   string         `json:"kind"`
	Record map[string]any `json:"record"`
	Entry  string         `json:"entry"`     // hex: the record's canonical bytes, then the coordinator's signature
	Leaf   string         `json:"leaf_hash"` // hex
	Proof  []string       `json:"proof"`     // hex, from the leaf up (RFC 6962 §2.1.1)
	Size   uint64         `json:"tree_size"`
	Root   string         `json:"root"` // hex, as the checkpoint signs it

	fields []field
}

// field is one field of a record under the name that docs/spec/log.md gives it.
type field struct {
	name  string
	value any
}

func showCommand() *cobra.Command {
	var live bool
	cmd := &cobra.Command{Use: "show N [DIR]", Short: "Show entry N, decoded, with its proof of inclusion", Args: upTo(1, 2),
		Long: `Shows entry N of the log, decoded, with the hashes that prove it under the checkpoint. Entries count from 0. The whole log is read and
its signatures and tree verified first; the other checks are those of verify.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseUint(args[0], 10, 63)
			if err != nil {
				return usageError{fmt.Errorf("entry %q: want a number from 0", args[0])}
			}
			s, err := show(n, args, live)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, s)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), s.text())
			return err
		}}
	cmd.Flags().BoolVar(&live, "live", false, "the coordinator may be running")
	return cmd
}

func show(n uint64, args []string, live bool) (*shown, error) {
	fsys, err := folder(args, 1)
	if err != nil {
		return nil, err
	}
	c, err := audit.Read(fsys, auditing.Rules().CheckCert, live)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; fetch the log again from its source, and keep both copies if it still fails", errFails, err)
	}
	size := c.Checkpoint.Size
	if n >= size {
		return nil, usageError{fmt.Errorf("entry %d: the log has %d entries, counted from 0", n, size)}
	}
	proof, err := c.Inclusion(n)
	if err != nil {
		return nil, err
	}
	r := c.Records[n]
	if err := audit.CheckInclusion(proof, size, c.Checkpoint.Root, n, r.Hash); err != nil {
		return nil, err
	}
	s := &shown{Index: n, Kind: audit.KindOf(r.Record).String(), Record: map[string]any{}, Entry: hex.EncodeToString(r.Entry),
		Leaf: hex.EncodeToString(r.Hash[:]), Proof: []string{}, Size: size, Root: hex.EncodeToString(c.Checkpoint.Root[:]), fields: fields(r.Record)}
	for _, h := range proof {
		s.Proof = append(s.Proof, hex.EncodeToString(h[:]))
	}
	for _, f := range s.fields {
		s.Record[f.name] = f.value
	}
	return s, nil
}

func (s *shown) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "entry %d of %d: %s\n", s.Index, s.Size, s.Kind)
	for _, f := range s.fields {
		value, note := f.value, ""
		if text, ok := value.(string); ok && strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			value = strconv.Quote(text) // whoever wrote the log does not write to this terminal
		}
		switch n, _ := value.(uint64); f.name {
		case "opened_at", "expiry":
			note = "  (" + moment(n) + ")"
		case "rho_units", "rho_cum_bound", "ceiling_units":
			note = fmt.Sprintf("  (ρ = %.4g)", float64(n)/(1<<40))
		}
		fmt.Fprintf(&b, "  %-15s %v%s\n", f.name, value, note)
	}
	fmt.Fprintf(&b, "leaf hash %s\nproof under the root of %d entries, from the leaf up:\n", s.Leaf, s.Size)
	for _, h := range s.Proof {
		fmt.Fprintf(&b, "  %s\n", h)
	}
	fmt.Fprintf(&b, "root      %s\n", s.Root)
	return b.String()
}

// fields lists a record's fields in the order of their bytes. Hashes become hex, and the clip, which is logged as bits, a number.
func fields(r audit.Record) []field {
	v := reflect.ValueOf(r).Elem()
	var out []field
	for i := range v.NumField() {
		name := snake(v.Type().Field(i).Name)
		value := v.Field(i).Interface()
		switch x := value.(type) {
		case [32]byte:
			value = hex.EncodeToString(x[:])
		case [][32]byte:
			list := []string{}
			for _, h := range x {
				list = append(list, hex.EncodeToString(h[:]))
			}
			value = list
		case []audit.Drop:
			drops := []string{}
			for _, d := range x {
				drops = append(drops, fmt.Sprintf("%d for reason %d", d.Count, d.Reason))
			}
			value = drops
		case string:
			value = strings.ToValidUTF8(x, "\uFFFD")
		case uint32:
			if name == "c" {
				value = clip(x)
			}
		}
		out = append(out, field{name, value})
	}
	return out
}

// clip is a float32 for JSON, which has no word for NaN or infinity.
func clip(bits uint32) any {
	c := float64(math.Float32frombits(bits))
	if math.IsNaN(c) || math.IsInf(c, 0) {
		return fmt.Sprint(c)
	}
	return c
}

// snake turns a Go name into the specification's: SigmaTotSq is sigma_tot_sq, NMin n_min, GammaBP gamma_bp.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

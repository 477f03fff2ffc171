package demo

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/cinesync/cinesync/privacy"
)

// Print writes the report for people.
func (r *Report) Print(out io.Writer) {
	fmt.Fprintf(out, "\nHit rate@10 on each device's newest title, against 99 it has not watched: %.3f\n", r.Metrics.HR10)
	fmt.Fprintf(out, "  popularity alone %.3f, content before any round %.3f, the same training without noise %.3f; NDCG@10 %.3f\n",
		r.Metrics.PopularityHR10, r.Metrics.StartHR10, r.Metrics.NoNoiseHR10, r.Metrics.NDCG10)
	fmt.Fprintf(out, "Privacy: ε = %s at δ = %.0e\n  %s.\n  %s.\n", privacy.Shown(r.Epsilon, 4), r.Delta, strings.Join(r.Claim.Lines(), "\n  "), upper(promise))
	verdict := "the log verifies"
	if !r.Audit.OK {
		verdict = "THE LOG DOES NOT VERIFY"
	}
	fmt.Fprintf(out, "Audit: %s (%d entries).\n", verdict, r.Audit.Entries)
	if len(r.Recommendations) > 0 {
		fmt.Fprint(out, "\nFor the first device, computed on it:\n")
	}
	for i, v := range r.Recommendations {
		fmt.Fprintf(out, "  %2d. %s\n", i+1, v.Title)
	}
	for _, c := range r.Crashes {
		fmt.Fprintf(out, "kill -9 in phase %s of round %d: %s %s\n", c.Phase, c.Round, c.Outcome, c.Reason)
	}
	fmt.Fprintf(out, "\nWhere to look next:\n  go run ./cmd/cinesync-audit verify %s\n  go run ./cmd/cinesyncd outbox --dir %s\n  go run ./cmd/cinesync coordinator --dir %s --http 127.0.0.1:8080\n",
		quote(r.Dir), quote(filepath.Join(r.Dir, "devices", "00")), quote(filepath.Join(r.Dir, "coordinator")))
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// quote writes a path so that a shell takes it as one word.
func quote(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

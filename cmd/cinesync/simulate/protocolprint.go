package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cinesync/cinesync/privacy"
)

// PrintTerms begins the table.
func (p *Protocol) PrintTerms(w io.Writer, t *Terms) {
	fmt.Fprintf(w, "%d devices with policy %s, %d words each, mode %s, seed %d\n", p.Devices, t.Policy, p.Words, t.Mode, p.Seed)
	fmt.Fprintf(w, "%d neighbours, threshold %d, at least %d vectors in a sum, a loss of %.3g %% is tolerated, z = %.3g; about %.2g GB of memory\n\n",
		t.Neighbour, t.Threshold, t.Minimum, 100*t.Tolerated, t.Noise, float64(t.Memory)/1e9)
	fmt.Fprintln(w, "round  outcome  members  included    lost  simulated   KB up  KB down    masks       ε    wall")
}

// PrintRound is a row of it.
func (r *ProtocolRound) PrintRound(w io.Writer) {
	fmt.Fprintf(w, "%5d  %-7s  %7d  %8d  %6d  %7.1f s  %6s  %7s  %7d  %6s  %5.1f s\n", r.Round, r.Outcome, r.Members, r.Included, sum(r.Lost), r.Phases.Total,
		kilo(r.Up.Mean), kilo(r.Down.Mean), r.Masks.Self+r.Masks.Pair, privacy.Shown(r.Epsilon, 3), r.Wall.Seconds)
	if r.Reason != "" {
		fmt.Fprintf(w, "       given up: %s\n", r.Reason)
	}
	if len(r.Refusals) > 0 {
		fmt.Fprintf(w, "       refused: %s\n", counted(r.Refusals))
	}
}

// Print ends the table, with what to do next. command is the study's own.
func (s *ProtocolSummary) Print(w io.Writer, command string) {
	gave := fmt.Sprintf("%d of %d rounds gave a sum, each of them exact, and %d were given up", s.Exact, s.Rounds, s.Failed)
	if s.Done == 0 {
		gave = fmt.Sprintf("none of %d rounds gave a sum", s.Rounds)
	}
	fmt.Fprintf(w, "\n%s; %.3g simulated seconds in %.3g s\n", gave, s.Seconds, s.Wall.Seconds)
	fmt.Fprintf(w, "a device moved %s KB up and %s KB down (at most %s and %s in a round), frames alone, without the model's download\n",
		kilo(s.Up.Mean), kilo(s.Down.Mean), kilo(s.Up.Most), kilo(s.Down.Most))
	fmt.Fprintf(w, "the coordinator made %d masks; ε = %s at δ = %.0e by the ledger of the device that spent most\n", s.Masks.Self+s.Masks.Pair,
		privacy.Shown(s.Epsilon, 3), s.Delta)
	fmt.Fprintf(w, "\nthe same as lines of JSON:  %s --json\n", command)
	fmt.Fprintf(w, "what a round would cost:    cinesync secagg plan --devices %d --dim %d --mode %s\n", s.Devices, s.Words, s.Terms.Mode)
}

func kilo(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e3) }

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// counted lists reasons in the order of their names.
func counted(m map[string]int) string {
	var out []string
	for name, n := range m {
		out = append(out, fmt.Sprintf("%s × %d", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

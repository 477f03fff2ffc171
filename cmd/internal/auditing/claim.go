package auditing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cinesync/cinesync/audit"
)

// Claim is the words that belong to an audited figure (docs/spec/privacy.md §11). They are the same wherever the figure is shown.
type Claim struct {
	Unit     string // what ε is of, and against which neighbour
	Towards  string // whom it holds against
	Assumed  string // what it rests on, as one sentence
	Sampling string // gain claimed from sampling
	Warning  string // why nobody should rely on it; empty: nothing is known against it
}

// ClaimOf reads the words from the report of the log that gave the figure.
func ClaimOf(r audit.Report) Claim {
	c := Claim{Unit: "one device, its whole history against none, over all rounds of the log", Sampling: "none",
		Towards: fmt.Sprintf("a coordinator that controls at most %g %% of each roster", float64(r.GammaBP)/100)}
	switch r.Mode {
	case "W":
		c.Towards += " and no quorum of the log's witnesses"
	case "SM":
		c.Towards += " and did not choose who neighbours whom"
	case "SH":
		c.Towards += " and follows the protocol"
	}
	c.Assumed = "It assumes that devices run the published program, that one person holds one device, and nothing about who was chosen for a round"
	c.Warning = warning(r)
	return c
}

func warning(r audit.Report) string {
	var failed []string
	for _, check := range r.Checks {
		if check.Status == audit.StatusFail && check.ID != "A7" { // A7 is about what somebody else said
			failed = append(failed, check.ID)
		}
	}
	switch {
	case len(r.Checks) == 0 || r.Origin == "":
		return "the public log could not be read"
	case len(failed) > 0:
		return fmt.Sprintf("the public log fails check %s; run `cinesync-audit verify` to see why", strings.Join(slices.Compact(failed), ", "))
	case strings.HasSuffix(r.Origin, "/demo"):
		return "a demo's noise protects nobody, it shows the machinery"
	}
	return ""
}

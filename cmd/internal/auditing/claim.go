package auditing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cinesync/cinesync/audit"
)

// Claim is the words that belong to an audited figure (docs/spec/privacy.md §11). They are the same wherever the figure is shown.
type Claim struct {
	Unit     string `json:"unit"`          // what ε is of, and against which neighbour
	Towards  string `json:"towards"`       // whom it holds against
	Assumed  string `json:"assumptions"`   // what it rests on, in sentences
	Sampling string `json:"amplification"` // gain claimed from sampling
	Warning  string `json:"warning"`       // why nobody should rely on it; empty: nothing is known against it
}

// Lines are the words in the order in which they stand below a figure, without the warning.
func (c Claim) Lines() []string {
	return []string{"for " + c.Unit, "towards " + c.Towards + ", without amplification", c.Assumed}
}

// demoWarning stands beside every figure of a demo.
const demoWarning = "a demo's noise protects nobody, it shows the machinery"

// ClaimOf reads the words from the report of the log that gave the figure.
func ClaimOf(r audit.Report) Claim {
	return Claim{Unit: "one device, its whole history against none, over all rounds of the log", Sampling: "none", Towards: towards(r.GammaBP, r.Mode), Warning: warning(r),
		Assumed: "It assumes that devices run the published program and that one person holds one device, and nothing about who was chosen for a round. " +
			"It does not cover a device whose owner began a ledger period by hand, or whose ledger was lost: that one may have answered as often again, each time"}
}

// ClaimOfDevice is the words for what a device counted itself, under a policy that withstands gammaBP basis points and allows mode as its
// weakest, by its number.
func ClaimOfDevice(gammaBP, mode uint16, demo bool) Claim {
	c := Claim{Unit: "this device, its whole history against none, over all rounds it took part in", Sampling: "none",
		Towards: towards(gammaBP, map[uint16]string{1: "W", 2: "SM"}[mode]),
		Assumed: "It assumes that the other honest devices of each roster run the published program and add their noise, and that you hold one device. It is added up from this device's ledger"}
	if demo {
		c.Warning = demoWarning
	}
	return c
}

// towards names the adversary; a mode that is not known is the weakest.
func towards(gammaBP uint16, mode string) string {
	s := fmt.Sprintf("a coordinator that controls at most %g %% of each roster", float64(gammaBP)/100)
	switch mode {
	case "W":
		return s + " and no quorum of the log's witnesses"
	case "SM":
		return s + " and did not choose who neighbours whom"
	}
	return s + " and follows the protocol"
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
		return demoWarning
	}
	return ""
}

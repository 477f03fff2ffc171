package auditing_test

import (
	"strings"
	"testing"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
)

// TestClaimsSayWhatTheyRestOn: each mode has its own adversary, a failed check and a demo take the figure back.
func TestClaimsSayWhatTheyRestOn(t *testing.T) {
	good := audit.Report{OK: true, Origin: "a.example/log", GammaBP: 500, Mode: "W", Checks: []audit.Check{{ID: "A1", Status: audit.StatusOK}, {ID: "A11", Status: audit.StatusNotChecked}}}
	for mode, words := range map[string]string{"W": "no quorum of the log's witnesses", "SM": "did not choose who neighbours whom", "SH": "follows the protocol"} {
		r := good
		r.Mode = mode
		if c := auditing.ClaimOf(r); !strings.Contains(c.Towards, words) || !strings.Contains(c.Towards, "at most 5 %") || c.Sampling != "none" || c.Warning != "" {
			t.Errorf("mode %s: %+v", mode, c)
		}
	}
	for words, change := range map[string]func(*audit.Report){
		"check A6":          func(r *audit.Report) { r.Checks = append(r.Checks, audit.Check{ID: "A6", Status: audit.StatusFail}) },
		"could not be read": func(r *audit.Report) { r.Checks = nil },
		"protects nobody":   func(r *audit.Report) { r.Origin = "a.example/demo" },
	} {
		r := good
		change(&r)
		if c := auditing.ClaimOf(r); !strings.Contains(c.Warning, words) {
			t.Errorf("%q: %+v", words, c)
		}
	}
	said := good
	said.Checks = append(said.Checks, audit.Check{ID: "A7", Status: audit.StatusFail}) // what somebody published is wrong, not the log
	if c := auditing.ClaimOf(said); c.Warning != "" {
		t.Errorf("%+v", c)
	}
}

// TestClaimsNameWhomTheyDoNotCover: a device can begin again where the log does not see it (docs/spec/privacy.md 6.6).
func TestClaimsNameWhomTheyDoNotCover(t *testing.T) {
	c := auditing.ClaimOf(audit.Report{GammaBP: 500, Mode: "W"})
	text := strings.Join(c.Lines(), "\n")
	for _, words := range []string{"its whole history against none", "over all rounds", "at most 5 %", "without amplification", "one person holds one device",
		"does not cover a device whose owner began a ledger period by hand", "whose ledger was lost"} {
		if !strings.Contains(text, words) {
			t.Errorf("the words do not say %q:\n%s", words, text)
		}
	}
}

func TestADevicesClaimIsItsPolicys(t *testing.T) {
	for mode, words := range map[uint16]string{1: "no quorum of the log's witnesses", 2: "did not choose who neighbours whom", 3: "follows the protocol", 9: "follows the protocol"} {
		if c := auditing.ClaimOfDevice(250, mode, false); !strings.Contains(c.Towards, words) || !strings.Contains(c.Towards, "at most 2.5 %") || c.Warning != "" {
			t.Errorf("mode %d: %+v", mode, c)
		}
	}
	if c := auditing.ClaimOfDevice(0, 1, true); !strings.Contains(c.Warning, "protects nobody") {
		t.Errorf("a demo's claim: %+v", c)
	}
}

package participant

import (
	"slices"
	"testing"
)

// TestShippedPoliciesAllowEveryFamily: what this program can train, and no owner has forbidden, is not refused as unknown.
func TestShippedPoliciesAllowEveryFamily(t *testing.T) {
	for _, f := range []Floor{Strict(), Balanced(), Open(), Demo(1)} {
		for _, name := range []string{"two-tower", "ncf", "sequential", "hybrid", "popularity"} {
			if !slices.Contains(f.Code, name) {
				t.Errorf("policy %q refuses %s", f.Name, name)
			}
		}
	}
}

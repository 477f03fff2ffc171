// Package realdata finds the data sets that tests over real input read.
//
// Owns: where such data lies, and whether a test may be skipped without it.
// Promises: with CINESYNC_DATA_REQUIRED set, a missing folder fails the test; otherwise the test skips with a line that
// says what to set.
// Never: downloads, copies or changes data.
// Start here: Folder.
package realdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Variable names the environment variable with the folder that holds the data sets, one folder each (ml-100k, ml-1m,
// ml-latest-small). Required names the one that forbids skipping.
const (
	Variable = "CINESYNC_DATA"
	Required = "CINESYNC_DATA_REQUIRED"
)

// Folder returns the folder of a data set, such as Folder(t, "ml-100k"). Where it is absent the test skips, or fails if
// data is required.
func Folder(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv(Variable)
	if root == "" {
		absent(t, "set %s to the folder that holds %s", Variable, name)
	}
	folder := filepath.Join(root, name)
	if _, err := os.Stat(folder); err != nil {
		absent(t, "no data set %s in %s=%s", name, Variable, root)
	}
	return folder
}

func absent(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(Required) != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

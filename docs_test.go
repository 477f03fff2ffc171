package cinesync_test

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/internal/house"
)

// TestDocuments checks links and commands of every document outside testdata.
func TestDocuments(t *testing.T) {
	tree := os.DirFS(".")
	checked := 0
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := entry.Name(); entry.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "bin") {
			return fs.SkipDir
		}
		if path.Ext(name) == ".md" {
			checked++
			for _, problem := range house.CheckDocument(tree, name) {
				t.Error(problem)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked == 0 {
		t.Error("no document found")
	}
}

// TestMakeExplainsItself checks that each target says what it does, so that make alone is the manual.
func TestMakeExplainsItself(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := house.Targets(string(makefile))
	for name, comment := range targets {
		if comment == "" {
			t.Errorf("make %s has no ## comment", name)
		}
	}
	for _, name := range []string{"demo", "test", "race", "lint", "fuzz", "bench", "check", "build", "golden", "vuln"} {
		if _, ok := targets[name]; !ok {
			t.Errorf("make %s is gone; documents and habits name it", name)
		}
	}
}

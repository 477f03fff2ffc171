// Package generated holds assembly that was generated to its generator.
//
// Owns: what the first line of a generated file must say.
// Promises: a generator or a file that was changed alone is told, with what to run.
// Never: runs a generator, which wants avo and a network; is part of a program.
// Start here: Check.
package generated

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Check compares the hashes in the first line of each generated file, those that pattern finds in the test's folder and so many, with the
// generator in _asm as it is and with what follows the line.
func Check(t *testing.T, pattern string, files int) {
	t.Helper()
	sources, err := filepath.Glob("_asm/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("the generator is not in _asm: %v", err)
	}
	h := sha256.New()
	for _, name := range append(sources, "_asm/go.mod", "_asm/go.sum") {
		h.Write(read(t, name))
	}
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != files {
		t.Fatalf("want %d generated files, have %v: %v", files, found, err)
	}
	for _, name := range found {
		head, body, _ := bytes.Cut(read(t, name), []byte("\n"))
		if want := fmt.Sprintf("// generator %x body %x", h.Sum(nil), sha256.Sum256(body)); string(head) != want {
			t.Errorf("%s begins with\n%s\nwhich should be\n%s\nrun: make asm", name, head, want)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

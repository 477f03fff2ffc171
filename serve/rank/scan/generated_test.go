package scan

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestAssemblyIsWhatItsGeneratorWrote compares the hashes in the first line of each generated file with the generator as
// it is and with what follows the line. It stands in for a second run of the generator, which wants avo and a network.
func TestAssemblyIsWhatItsGeneratorWrote(t *testing.T) {
	sources, err := filepath.Glob("_asm/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("the generator is not in _asm: %v", err)
	}
	h := sha256.New()
	for _, name := range append(sources, "_asm/go.mod", "_asm/go.sum") {
		h.Write(read(t, name))
	}
	generated, err := filepath.Glob("scan_amd64.*")
	if err != nil || len(generated) != 2 {
		t.Fatalf("want two generated files, have %v: %v", generated, err)
	}
	for _, name := range generated {
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

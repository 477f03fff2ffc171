package kernels

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sources(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("*.cu")
	if err != nil || len(list) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	return list
}

// TestPTXIsOfTheseSources holds the first line of every PTX file against the sources' hash.
func TestPTXIsOfTheseSources(t *testing.T) {
	prelude := read(t, "prelude.h")
	for _, source := range sources(t) {
		f := File(strings.TrimSuffix(source, ".cu"))
		text, err := f.PTX()
		if err != nil {
			t.Errorf("%v: run make ptx", err)
			continue
		}
		want := fmt.Sprintf("// %s sha256 %x\n", source, sha256.Sum256(append(bytes.Clone(prelude), read(t, source)...)))
		if !strings.HasPrefix(text, want) {
			t.Errorf("%s.ptx was not made of the sources that lie here: run make ptx", f)
		}
	}
	if made, err := filepath.Glob("*.ptx"); err != nil || len(made) != len(sources(t)) {
		t.Errorf("%d PTX files for %d sources, %v", len(made), len(sources(t)), err)
	}
}

// TestPTXIsTheCompilers compiles again.
func TestPTXIsTheCompilers(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("./build.sh", dir).CombinedOutput()
	if err != nil {
		if os.Getenv("CINESYNC_CLANG_REQUIRED") != "" || !strings.Contains(string(out), "clang 14 is needed") {
			t.Fatalf("compile: %v\n%s", err, out)
		}
		t.Skip("needs clang 14: apt-get install clang-14, or set CLANG")
	}
	for _, source := range sources(t) {
		name := strings.TrimSuffix(source, ".cu") + ".ptx"
		if !bytes.Equal(read(t, name), read(t, filepath.Join(dir, name))) {
			t.Errorf("%s is not what the compiler makes of %s: run make ptx", name, source)
		}
	}
}

func TestAnUnknownFileIsAnError(t *testing.T) {
	if _, err := File("nothing").PTX(); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("got %v", err)
	}
}

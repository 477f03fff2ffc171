package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// client is where the Python client lies, from this folder.
const client = "../../../interop"

// requirePython gives the interpreter, or skips where it or its library is missing; where CINESYNC_INTEROP_REQUIRED says so, that fails.
func requirePython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("CINESYNC_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", "import cryptography; print(cryptography.__version__)").CombinedOutput()
	if err == nil {
		t.Logf("%s with cryptography %s", python, bytes.TrimSpace(out))
		return python
	}
	problem := fmt.Sprintf("the second client wants %s with the library `cryptography` (install python3-cryptography, or run make interop): %v %s", python, err, out)
	if os.Getenv("CINESYNC_INTEROP_REQUIRED") == "1" {
		t.Fatal(problem)
	}
	t.Skip(problem)
	panic("unreachable")
}

// report is a line that the client prints when a round has ended.
type report struct {
	Round   uint64   `json:"round"`
	Outcome string   `json:"outcome"`
	Counted *bool    `json:"counted"` // nil: it was cut off where the survivors were named, and cannot tell
	SID     string   `json:"sid"`
	Index   uint32   `json:"index"`
	Noised  []uint32 `json:"noised"`
}

// takePart runs a client in Python until it has seen all rounds, and gives what it reports.
func takePart(ctx context.Context, python, dir, address string) ([]report, error) {
	cmd := exec.CommandContext(ctx, python, "client.py", "--dir", dir, "--address", address, "--rounds", fmt.Sprint(rounds))
	cmd.Dir, cmd.Env = client, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("client in %s: %w; it said: %s", dir, err, complaints.Bytes())
	}
	var reports []report
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("client in %s printed %.100q: %w", dir, lines.Text(), err)
		}
		reports = append(reports, r)
	}
	return reports, lines.Err()
}

// TestPythonAlone runs the client's own tests: transcripts of testdata/vectors, byte for byte.
func TestPythonAlone(t *testing.T) {
	python := requirePython(t)
	cmd := exec.CommandContext(t.Context(), python, "-B", "-m", "unittest")
	cmd.Dir = client
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("Ran 0 tests")) {
		t.Fatalf("no test ran:\n%s", out)
	}
}

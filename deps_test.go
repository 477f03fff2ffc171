package cinesync_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite cmd/cinesyncd/deps.txt; review the difference, and explain a new line in docs/decisions/dependencies.md")

// daemonModules lists the outside modules that are linked into the device's program, which runs on other people's
// machines. The platform is pinned so that the list is the same on every machine.
func daemonModules(t *testing.T) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/cinesyncd")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1", "GOFLAGS=")
	var complaint bytes.Buffer
	list.Stderr = &complaint
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list what cmd/cinesyncd links: %v\n%s", err, &complaint)
	}
	modules := slices.DeleteFunc(strings.Fields(string(out)), func(m string) bool { return m == "github.com/cinesync/cinesync" })
	slices.Sort(modules)
	return slices.Compact(modules)
}

// TestDaemonLinksWhatItSays compares the daemon's modules with the checked-in list.
func TestDaemonLinksWhatItSays(t *testing.T) {
	const name = "cmd/cinesyncd/deps.txt"
	modules := daemonModules(t)
	text := strings.Join(modules, "\n") + "\n"
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with: go test . -run Daemon -update", err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("cmd/cinesyncd links other modules than %s says (-file +linked):\n%s", name, diff)
	}
}

// TestDaemonIsLight checks that engines and plots for developers are not linked into the daemon, whatever the list says.
func TestDaemonIsLight(t *testing.T) {
	for _, module := range daemonModules(t) {
		if module == "gonum.org/v1/plot" || strings.HasPrefix(module, "gorgonia.org/") {
			t.Errorf("cmd/cinesyncd links %s", module)
		}
	}
}

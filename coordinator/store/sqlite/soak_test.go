package sqlite_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/store/sqlite"
	"github.com/cinesync/cinesync/coordinator/store/storetest"
)

// The environment tells the test binary that it is a child: where its store lies, and the ceiling.
const (
	childPath    = "CINESYNC_STORE_CHILD"
	childCeiling = "CINESYNC_STORE_CEILING"
)

func TestMain(m *testing.M) {
	path := os.Getenv(childPath)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := spend(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func spend(path string) error {
	ceiling, err := strconv.ParseUint(os.Getenv(childCeiling), 10, 64)
	if err != nil {
		return err
	}
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	return storetest.Spend(context.Background(), s, ceiling, os.Stdout)
}

// child is this test binary again, debiting.
type child struct {
	io.Reader
	cmd *exec.Cmd
}

func (c *child) Kill() error { return c.cmd.Process.Kill() }
func (c *child) Wait() error { return c.cmd.Wait() }

// TestSoakLedgerCoordinator kills, breaks and closes the store under those who debit it.
func TestSoakLedgerCoordinator(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.sqlite")
	var last *sqlite.Store
	shut := func() {
		if last != nil {
			last.Close() // with an error where a write was cut short
			last = nil
		}
	}
	t.Cleanup(shut)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	storetest.SoakLedger(t, func() coordinator.Store {
		shut()
		last = open(t, path)
		return last
	}, shut, func(ceiling uint64) storetest.Child {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), childPath+"="+path, fmt.Sprintf("%s=%d", childCeiling, ceiling))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return &child{out, cmd}
	})
}

package device

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
)

// The environment of a child process: where its device lies, and before which of its steps it kills itself.
const (
	childDir  = "CINESYNC_DEVICE_CHILD"
	childStep = "CINESYNC_DEVICE_KILL"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := spend(dir, os.Getenv(childStep), os.Stdout); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// dies ends this process as kill -9 does, when its step comes. A step is named by what follows and by the how-manieth charge.
type dies struct {
	step string
	n    int
}

func (d *dies) before(what string) {
	if d.step != fmt.Sprintf("%s %d", what, d.n) {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	panic(fmt.Sprint("still alive: ", err))
}

// watched stands around store and counter of the child.
type watched struct {
	door.Store
	door.Counter
	*dies
}

func (w *watched) Commit(ctx context.Context, c door.Commit) error {
	w.before("entry")
	return w.Store.Commit(ctx, c)
}

func (w *watched) Record(ctx context.Context, seq uint64) error {
	w.before("counter")
	return w.Counter.Record(ctx, seq)
}

// spend charges three times, by the door's own order; a line stands for the first byte of a vector, and a full stop for its last.
func spend(dir, step string, said io.Writer) error {
	d, err := Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	l, err := door.OpenLedger(ctx, d.Outbox, privacy.Limits{Ceiling: 1 << 40, Participations: 100})
	if err != nil {
		return err
	}
	if _, err := door.CatchUp(ctx, d.Counter, l); err != nil { // as a door does that opens
		return err
	}
	w := &watched{d.Outbox, d.Counter, &dies{step: step}}
	for w.n = 1; w.n <= 3; w.n++ {
		head, _ := l.Head()
		e, err := l.Next(privacy.Debit{Round: head + 1, Units: 7})
		if err != nil {
			return err
		}
		if err := door.Record(ctx, w, w, door.Commit{Entry: e.Append(nil), Seq: e.Seq}); err != nil {
			return err
		}
		w.before("byte")
		fmt.Fprintln(said, e.Seq)
		w.before("rest")
		if err := l.Apply(e); err != nil {
			return err
		}
	}
	return d.Close()
}

// copyFolder copies a device's files, as a backup does.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "identity.key"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stands opens a device's ledger and says how it compares with its counter, before and after the door's catching up.
func stands(t *testing.T, dir string) (spent privacy.Units, head, counted uint64, refused error) {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l, err := door.OpenLedger(t.Context(), d.Outbox, d.Floor.Limits())
	if err != nil {
		t.Fatal(err)
	}
	s, err := door.Compare(t.Context(), d.Counter, l)
	if err != nil {
		t.Fatal(err)
	}
	head, _ = l.Head()
	return l.Spent(), head, s.Reached, participant.CheckLedger(nil, l, s.Reached, s.Uncounted)
}

// TestKilledAtEveryStepCountsWhatItSent kills a real process with kill -9 before each durable step of each of three charges, on real files.
// What it said it sent is never more than what the ledger and the counter hold; the copy from before is an old one as soon as anything was sent.
func TestKilledAtEveryStepCountsWhatItSent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	steps := []string{"entry", "counter", "byte", "rest"}
	for n := 1; n <= 3; n++ {
		for i, what := range steps {
			step := fmt.Sprintf("%s %d", what, n)
			t.Run(step, func(t *testing.T) {
				t.Setenv("XDG_STATE_HOME", t.TempDir())
				dir, backup := filepath.Join(t.TempDir(), "device"), filepath.Join(t.TempDir(), "backup")
				if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
					t.Fatal(err)
				}
				copyFolder(t, dir, backup)
				cmd := exec.CommandContext(t.Context(), exe)
				cmd.Env = append(os.Environ(), childDir+"="+dir, childStep+"="+step)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				sent := uint64(0)
				for lines := bufio.NewScanner(out); lines.Scan(); {
					if sent, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
						t.Fatalf("the child said %q", lines.Text())
					}
				}
				if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") && !strings.Contains(err.Error(), "exit status") {
					t.Fatalf("the child ended with %v", err)
				}
				wantSent := uint64(n - 1)
				if what == "rest" {
					wantSent++
				}
				spent, head, counted, refused := stands(t, dir)
				if sent != wantSent || head < sent || counted < sent || spent != privacy.Units(7*head) || refused != nil {
					t.Errorf("%d vectors left (want %d), the ledger holds %d entries of %d units, the counter %d: %v", sent, wantSent, head, spent, counted, refused)
				}
				if durable := []uint64{uint64(n - 1), uint64(n), uint64(n), uint64(n)}[i]; head != durable {
					t.Errorf("the ledger holds %d entries, want %d", head, durable)
				}
				copyFolder(t, backup, dir)
				if _, _, _, refused := stands(t, dir); (refused != nil) != (counted > 0) || sent > 0 && refused == nil {
					t.Errorf("%d vectors left, and of the copy from before: %v", sent, refused)
				}
			})
		}
	}
}

// TestChargesWithoutACounterAreNotBelieved: a folder that was moved to another machine is held until the coordinator vouches for it.
func TestChargesWithoutACounterAreNotBelieved(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir := t.TempDir()
	if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, _, _, refused := stands(t, dir); refused != nil {
		t.Errorf("an empty ledger: %v", refused)
	}
	if err := spend(dir, "", io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, head, counted, refused := stands(t, dir); head != 3 || counted != 3 || refused != nil {
		t.Errorf("after three charges: %d, %d, %v", head, counted, refused)
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	var why *participant.Refused
	if _, _, _, refused := stands(t, dir); !errors.As(refused, &why) || why.Why != participant.F10Budget || !strings.Contains(why.Detail, "is missing") {
		t.Errorf("on another machine: %v", refused)
	}
}

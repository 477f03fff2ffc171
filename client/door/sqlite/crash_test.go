package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/privacy"
)

// childEnv tells the test binary that it is a child, and where its store lies.
const childEnv = "CINESYNC_DOOR_CHILD"

func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := chargeForEver(path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// chargeForEver commits charge, session and outbox row together, again and again, and says so only then: what is said
// stands for a vector that leaves.
func chargeForEver(path string) error {
	s, err := sqlite.Open(path)
	if err != nil {
		return err
	}
	l, err := door.OpenLedger(context.Background(), s, privacy.Limits{})
	if err != nil {
		return err
	}
	for {
		seq, head := l.Head()
		e := privacy.Entry{Seq: seq + 1, Kind: privacy.EntryCharge, Round: seq, Units: 1, Cumulative: l.Spent() + 1, Prev: head}
		r := row(fmt.Sprint(e.Seq))
		if err := s.Commit(context.Background(), door.Commit{Entry: e.Append(nil), Seq: e.Seq, SaveSession: true, Session: session(e.Seq), Outbox: []door.OutboxRow{r}}); err != nil {
			return err
		}
		if err := l.Apply(e); err != nil {
			return err
		}
		fmt.Println(e.Seq)
	}
}

// session is as large as a real one, and names its round.
func session(seq uint64) []byte { return append(fmt.Appendf(nil, "%d ", seq), make([]byte, 20_000)...) }

// TestKilledDeviceNeverCountsLessThanItSent kills the child with kill -9 after some of its charges, again and again on the
// same file.
func TestKilledDeviceNeverCountsLessThanItSent(t *testing.T) {
	s, path := fresh(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{1, 2, 3, 5, 8, 13} {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), childEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said, lines := 0, bufio.NewScanner(out)
		for n := 1; lines.Scan(); n++ { // what was said before the kill is read after it
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("the child said %q", lines.Text())
			}
			if n == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		checkAfterKill(t, path, uint64(said))
	}
}

func checkAfterKill(t *testing.T, path string, said uint64) {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := door.OpenLedger(t.Context(), s, privacy.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	seq, _ := l.Head()
	if seq < said || uint64(l.Spent()) != seq {
		t.Errorf("%d charges were reported, %d are kept", said, seq)
	}
	c, err := s.Session(t.Context())
	rows, err2 := s.Outbox(t.Context(), 1)
	if err != nil || err2 != nil || string(c) != string(session(seq)) || len(rows) != 1 || string(rows[0].Key) != fmt.Sprint(seq) {
		t.Errorf("charge %d, session and outbox row were not kept together: %v, %v", seq, err, err2)
	}
}

package history

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// childEnv says to the test binary which child it is, and where its history lies.
const childEnv = "CINESYNC_HISTORY_CHILD"

func TestMain(m *testing.M) {
	kind, path, ok := strings.Cut(os.Getenv(childEnv), " ")
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(kind, path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

const perImport = 400

// child applies imports until it is killed; it says so when each is durable, or when one is complete and not yet committed.
func child(kind, path string) error {
	if kind == "locked-out" {
		return lockedOut(path)
	}
	s, err := openOrCreate(path)
	if err != nil {
		return err
	}
	if kind == "uncommitted" {
		_, err := s.apply(context.Background(), ratings("movielens", perImport, 20*perImport), func(*sql.Tx) error {
			fmt.Println("uncommitted")
			select {}
		})
		return err
	}
	for i := 0; ; i++ {
		if _, err := s.Apply(context.Background(), ratings("movielens", i*perImport, perImport)); err != nil {
			return err
		}
		fmt.Println(i + 1)
	}
}

func openOrCreate(path string) (*Store, error) {
	s, err := Open(path)
	if errors.Is(err, ErrMissing) {
		return Create(path)
	}
	return s, err
}

// start runs this test binary as a child and gives its output by lines.
func start(t *testing.T, kind, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+kind+" "+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestKilledBeforeCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.sqlite")
	s, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, ratings("movielens", 0, perImport))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cmd, lines := start(t, "uncommitted", path)
	if !lines.Scan() || lines.Text() != "uncommitted" {
		t.Fatalf("the child said %q", lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // reports the kill
	if s, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, err := s.Count(t.Context()); n != perImport || err != nil {
		t.Errorf("%d events are left, %v; want those of the import before, %d", n, err, perImport)
	}
	if out := apply(t, s, ratings("movielens", perImport, 20*perImport)); out.Made != 20*perImport {
		t.Errorf("the import was repeated and made %d events, want %d", out.Made, 20*perImport)
	}
}

// TestKilledAnywhere kills the child while it applies one import after another: what it reported is there, and of the
// import under way all or nothing.
func TestKilledAnywhere(t *testing.T) {
	for _, after := range []int{1, 2, 3, 5, 8} {
		path := filepath.Join(t.TempDir(), "history.sqlite")
		cmd, lines := start(t, "forever", path)
		for range after {
			if !lines.Scan() {
				t.Fatal("the child ended by itself")
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		said, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
		for lines.Scan() { // said before the kill, read after it
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("the child said %q", lines.Text())
			}
		}
		cmd.Wait() // reports the kill
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		imports, err := s.count(t.Context(), "import")
		if err != nil {
			t.Fatal(err)
		}
		titles, err := s.Titles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if imports < said || imports > said+1 || events != imports*perImport || len(titles) != events {
			t.Errorf("after %d reported imports the file holds %d imports, %d events, %d titles", said, imports, events, len(titles))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// lockedOut opens a history in a folder that it may not write.
func lockedOut(path string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	s, err := openOrCreate(path)
	if err == nil {
		_, err = s.Apply(context.Background(), ratings("movielens", 0, 1))
		s.Close()
	}
	fmt.Println(err)
	return nil
}

func TestReadOnlyFolder(t *testing.T) {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.Chmod(dir, 0o700)
		os.RemoveAll(dir)
	})
	there := filepath.Join(dir, "there.sqlite")
	s, err := Create(there)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, ratings("movielens", 0, 5))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(there, 65534, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{there, filepath.Join(dir, "new.sqlite")} {
		cmd, lines := start(t, "locked-out", path)
		lines.Scan()
		said := lines.Text()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("child: %v", err)
		}
		if !strings.Contains(said, "folder") || !strings.Contains(said, "give this account the right") {
			t.Errorf("%s: error is %q, want one that names the folder and says what to do", filepath.Base(path), said)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(there); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, err := s.Count(t.Context()); n != 5 || err != nil {
		t.Errorf("%d events are left, %v; want 5", n, err)
	}
}

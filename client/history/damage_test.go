package history

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
)

// file makes a history with some events and gives its path; nothing is left in the write-ahead log.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.sqlite")
	s, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, ratings("movielens", 0, 500))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDamagedFilesAreLeftAlone(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"not a database":     func([]byte) []byte { return bytes.Repeat([]byte("hello "), 2000) },
		"cut":                func(b []byte) []byte { return b[:len(b)/2] },
		"cut inside a page":  func(b []byte) []byte { return b[:len(b)-100] },
		"emptied":            func([]byte) []byte { return nil },
		"without its log":    func([]byte) []byte { return unfinished(t) },
		"header overwritten": func(b []byte) []byte { clear(b[:16]); return b },
		"page overwritten": func(b []byte) []byte {
			for i := range b[3*4096 : 6*4096] {
				b[3*4096+i] = byte(i * 7)
			}
			return b
		},
	} {
		path := file(t)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b = damage(b)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err == nil {
			s.Close()
			t.Errorf("%s: the file was opened", name)
			continue
		}
		if !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore it from a copy") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error is %q, want one line that names the file and says what to do", name, err)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(after, b) {
			t.Errorf("%s: opening changed the file, %v", name, err)
		}
	}
}

// unfinished is a history without the log that its tables are in.
func unfinished(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(open(t).path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMissingHistoryIsNotMadeAnew: an empty one would say that nothing was watched, and SQLite would throw the log away.
func TestMissingHistoryIsNotMadeAnew(t *testing.T) {
	s := open(t)
	apply(t, s, ratings("movielens", 0, 5))
	log, err := os.ReadFile(s.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), os.Remove(s.path), os.WriteFile(s.path+"-wal", log, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s.path); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), s.path+": it is missing: restore it from a copy, or import") {
		t.Errorf("open: %v", err)
	}
	if _, err := Create(s.path); err == nil || !strings.Contains(err.Error(), s.path+"-wal is left of an earlier history") {
		t.Errorf("create: %v", err)
	}
	if after, err := os.ReadFile(s.path + "-wal"); err != nil || !bytes.Equal(after, log) {
		t.Errorf("the log was changed: %v", err)
	}
	if _, err := os.Stat(s.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestHistoryIsCreatedOnce(t *testing.T) {
	path := file(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path); err == nil || !strings.Contains(err.Error(), path+" is there already") {
		t.Errorf("error is %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestForeignAndNewerFiles(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		want      error
	}{
		"another program's": {"DROP TABLE origin; PRAGMA application_id = 7", errForeign},
		"a newer version's": {"PRAGMA user_version = 99", errNewer},
	} {
		path := file(t)
		db, err := sql.Open("sqlite3", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(c.statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(path); !errors.Is(err, c.want) {
			t.Errorf("%s: error is %v, want %v", name, err, c.want)
			if err == nil {
				s.Close()
			}
		}
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t)
	apply(t, s, ratings("movielens", 0, 20))
	if _, err := s.db.Exec("PRAGMA max_page_count = 20"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Apply(t.Context(), ratings("movielens", 0, 5000))
	var e sqlite3.Error
	if !errors.As(err, &e) || e.Code != sqlite3.ErrFull || !strings.Contains(err.Error(), "free some space") {
		t.Fatalf("error is %v, want a full disk and what to do", err)
	}
	if n, err := s.Count(t.Context()); n != 20 || err != nil {
		t.Errorf("%d events are left, %v; want the 20 of before", n, err)
	}
	if _, err := s.db.Exec("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if out := apply(t, s, ratings("movielens", 0, 5000)); out.Made != 4980 {
		t.Errorf("with space again, %d events were made, want 4980", out.Made)
	}
}

func TestMissingFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	if _, err := Create(filepath.Join(dir, "history.sqlite")); err == nil || !strings.Contains(err.Error(), "make the folder "+dir) {
		t.Errorf("error is %v, want one that says to make the folder", err)
	}
}

// TestExplain walks the failures of a file that are hard to bring about.
func TestExplain(t *testing.T) {
	s := &Store{path: "/x/history.sqlite"}
	for code, want := range map[sqlite3.ErrNo]string{
		sqlite3.ErrReadonly: "cannot be written", sqlite3.ErrCantOpen: "cannot be written", sqlite3.ErrBusy: "another program",
		sqlite3.ErrIoErr: "the disk failed", sqlite3.ErrCorrupt: "restore it from a copy", sqlite3.ErrFull: "free some space", sqlite3.ErrMisuse: "/x/history.sqlite",
	} {
		cause := sqlite3.Error{Code: code}
		if err := s.explain(cause); !strings.Contains(err.Error(), want) || !errors.Is(err, cause) {
			t.Errorf("code %d: error is %q, want one with %q that wraps its cause", code, err, want)
		}
	}
	if err := s.explain(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

// TestOpenLeavesAnotherProgramsFileAlone wants every byte and the mode as they were.
func TestOpenLeavesAnotherProgramsFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sqlite")
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('Ada')"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Open(path); !errors.Is(err, errForeign) {
		t.Errorf("error is %v, want %v", err, errForeign)
		if err == nil {
			s.Close()
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) || info.Mode().Perm() != 0o644 {
		t.Errorf("the file was changed: same bytes %v, mode %o", bytes.Equal(before, after), info.Mode().Perm())
	}
}

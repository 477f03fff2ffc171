package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
)

// refuses wants Open to fail with these words, and to leave the file as it is.
func refuses(t *testing.T, path string, words ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(path)
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	for _, w := range append(words, path) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func filled(t *testing.T) string {
	t.Helper()
	s, path := fresh(t)
	for i := range uint64(40) {
		commit(t, s, door.Commit{Entry: fmt.Appendf(nil, "entry %d %0300d", i, i), Seq: i + 1, SaveSession: true, Session: make([]byte, 5000)})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDamagedFileIsLeftAsItIs(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"text":        func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 100)) },
		"cut":         func(b []byte) []byte { return b[:len(b)/2] },
		"header":      func(b []byte) []byte { copy(b, "XXXX"); return b },
		"zeroed page": func(b []byte) []byte { clear(b[4096:8192]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			refuses(t, path, "damaged", "counts as spent", "new period")
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filled(t)
	edit(t, path, "PRAGMA user_version = 2")
	refuses(t, path, "newer version", "update CineSync")
}

func TestAnotherProgramsDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sqlite")
	edit(t, path, "CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)")
	refuses(t, path, "not a device's door store")
}

func TestMissingEntryIsDamage(t *testing.T) {
	path := filled(t)
	edit(t, path, "DELETE FROM entry WHERE seq = 20")
	s := open(t, path)
	if _, err := s.Entries(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 21 follows entry 19") || !strings.Contains(err.Error(), "counts as spent") {
		t.Errorf("a gap gives %v", err)
	}
}

func TestMissingFolderIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere", "door.sqlite")
	if _, err := sqlite.Open(path); err == nil || !strings.Contains(err.Error(), "make the folder "+filepath.Dir(path)) {
		t.Errorf("%v", err)
	}
}

func TestUnwritableFolderIsNamed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; a folder in the file's place is tested for everyone")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	if _, err := sqlite.Open(filepath.Join(dir, "door.sqlite")); err == nil || !strings.Contains(err.Error(), "give this account the right") {
		t.Errorf("%v", err)
	}
}

func TestFolderInTheFilesPlaceIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := sqlite.Open(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

// TestFullDiskShutsTheDoorAndRecordsNothing bounds the file by SQLite's own page limit.
func TestFullDiskShutsTheDoorAndRecordsNothing(t *testing.T) {
	s, _ := fresh(t)
	commit(t, s, door.Commit{Entry: []byte("one"), Seq: 1, Outbox: []door.OutboxRow{row("a")}})
	if err := s.LimitPages(t.Context(), 16); err != nil {
		t.Fatal(err)
	}
	before := read(t, s)
	err := s.Commit(t.Context(), door.Commit{Entry: []byte("two"), Seq: 2, SaveSession: true, Session: make([]byte, 1<<20), Outbox: []door.OutboxRow{row("b")}})
	if err == nil || !strings.Contains(err.Error(), "disk is full") || !strings.Contains(err.Error(), "nothing leaves this device") {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(before, read(t, s)); diff != "" {
		t.Errorf("a part was recorded:\n%s", diff)
	}
	commit(t, s, door.Commit{Entry: []byte("two"), Seq: 2}) // what fits goes on
}

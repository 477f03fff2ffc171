package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/privacy"
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
		"emptied":     func([]byte) []byte { return nil },
		"no log":      func([]byte) []byte { return unfinished(t) },
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
			refuses(t, path, "damaged", "counts as spent", "restore it from a copy", "cinesyncd budget --new-period")
		})
	}
}

// unfinished is the file without the log that its tables are in.
func unfinished(t *testing.T) []byte {
	t.Helper()
	_, path := fresh(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDamageIsToldInOneLine: SQLite's own words are several.
func TestDamageIsToldInOneLine(t *testing.T) {
	path := filled(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b[3*4096 : 6*4096] {
		b[3*4096+i] = byte(i * 7)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(path); err == nil || !strings.Contains(err.Error(), "in database main") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestMissingStoreIsNotMadeAnew: an empty one would say that nothing was spent, and SQLite would throw the log away.
func TestMissingStoreIsNotMadeAnew(t *testing.T) {
	s, path := fresh(t)
	commit(t, s, door.Commit{Entry: []byte("one"), Seq: 1})
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := errors.Join(os.Remove(path), os.WriteFile(path+"-wal", log, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(path)
	if !errors.Is(err, sqlite.ErrMissing) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "counts as spent: restore it from a copy, or start a new period") {
		t.Errorf("open: %v", err)
	}
	if _, err := sqlite.Create(path, nil); err == nil || !strings.Contains(err.Error(), path+"-wal is left of an earlier store") {
		t.Errorf("create: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	if after, err := os.ReadFile(path + "-wal"); err != nil || string(after) != string(log) {
		t.Errorf("the log was changed: %v", err)
	}
}

func TestStoreIsCreatedOnce(t *testing.T) {
	path := filled(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Create(path, nil); err == nil || !strings.Contains(err.Error(), path+" is there already") {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
}

// TestLostLedgerBeginsWithItsFirstRow: the two are one transaction, or a crash would leave a ledger with nothing spent.
func TestLostLedgerBeginsWithItsFirstRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "door.sqlite")
	p, err := door.LostPeriod(t.Context(), nil, time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Create(path, &door.Row{Seq: p.Entry.Seq, Bytes: p.Entry.Append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	charge(t, s, 1)
	if l, err := door.OpenLedger(t.Context(), s, privacy.Limits{}); err != nil || l.Spent() != 5 || l.PeriodStart() != 1_800_000_000 {
		t.Errorf("%v", err)
	}
	bad := path + "2"
	if _, err := sqlite.Create(bad, &door.Row{Seq: 1 << 63, Bytes: []byte("x")}); err == nil || !strings.Contains(err.Error(), "2^63-1") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(bad); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a store that could not be made is left: %v", err)
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
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "not a device's door store")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("its mode is %o now, %v", info.Mode().Perm(), err)
	}
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
	if _, err := sqlite.Create(path, nil); err == nil || !strings.Contains(err.Error(), "make the folder "+filepath.Dir(path)) {
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
	if _, err := sqlite.Create(filepath.Join(dir, "door.sqlite"), nil); err == nil || !strings.Contains(err.Error(), "give this account the right") {
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

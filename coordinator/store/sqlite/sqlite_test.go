package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/coordinator/store/sqlite"
	"github.com/cinesync/cinesync/coordinator/store/storetest"
	"github.com/google/go-cmp/cmp"
)

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "store.sqlite")
		var last *sqlite.Store
		t.Cleanup(func() { last.Close() })
		return func() coordinator.Store {
			if last != nil {
				if err := last.Close(); err != nil {
					t.Fatal(err)
				}
			}
			last = open(t, path)
			return last
		}
	})
}

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// one is a store file with one entry.
func one(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.sqlite")
	s := open(t, path)
	head := coordinator.Head{Model: [32]byte{1}}
	if err := s.Commit(t.Context(), &coordinator.Batch{First: &head, Entries: []coordinator.EntryRow{{Entry: []byte("entry 0")}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused wants Open to fail with words of what to do.
func refused(t *testing.T, path string, words ...string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err == nil {
		s.Close()
		t.Fatal("the store was opened")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"header": func(b []byte) []byte { clear(b[:100]); return b },
		"no header": func([]byte) []byte {
			return []byte("this is no database, but it is long enough to look like a file with something in it")
		},
		"page": func(b []byte) []byte { copy(b[4096:], bytes.Repeat([]byte{0xee}, 4096)); return b },
		"cut":  func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			path := one(t)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, path, "damaged", "backup")
		})
	}
}

func TestFolderThatIsNotThereIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	refused(t, filepath.Join(dir, "store.sqlite"), "make the folder "+dir)
}

func TestFileThatCannotBeWrittenIsRefused(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("permissions do not stop this account")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(dir, "store.sqlite"), "right to read and write")
}

func TestFolderInPlaceOfTheFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.sqlite")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, path, path)
}

// change runs SQL on a file behind the store's back.
func change(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := one(t)
	change(t, path, "PRAGMA user_version = 4")
	refused(t, path, "schema version is 4", "knows 3", "newer")
}

// TestOlderSchemaIsSteppedUp: a store as the schema before this one left it opens with what is in it, and takes what is new.
func TestOlderSchemaIsSteppedUp(t *testing.T) {
	path := one(t)
	s := open(t, path)
	want, err := s.Load(t.Context())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	change(t, path, "DROP TABLE conduct; PRAGMA user_version = 2")
	for range 2 { // the second finds it stepped up
		s := open(t, path)
		got, err := s.Load(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if held, err := s.Conduct(t.Context(), [16]byte{1}); err != nil || held != (round.Conduct{}) {
			t.Errorf("%+v, %v", held, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	change(t, path, "PRAGMA user_version = 1")
	refused(t, path, "schema version is 1")
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.sqlite")
	change(t, path, "CREATE TABLE watch (title TEXT); PRAGMA user_version = 1")
	refused(t, path, "something else")
}

func TestGapsAreFoundAtLoad(t *testing.T) {
	for name, query := range map[string]struct{ sql, want string }{
		"entry":   {"DELETE FROM entry WHERE idx = 0; INSERT INTO entry VALUES (1, x'00')", "entry 0 is missing"},
		"hash":    {"UPDATE head SET model = x'00'", "a hash of 1 bytes"},
		"charge":  {"INSERT INTO charge VALUES (1, x'00', 1)", "charge.question holds a hash of 1 bytes"},
		"context": {"INSERT INTO round (round, open_hash, idx, grace, code, context) VALUES (1, zeroblob(32), 1, 1, x'00', x'00')", "index list of 1 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := one(t)
			change(t, path, query.sql)
			s := open(t, path)
			defer s.Close()
			_, err := s.Load(t.Context())
			for _, word := range []string{query.want, path, "restore it from a backup"} {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("load: %v, want %q", err, word)
				}
			}
		})
	}
}

func TestSecondCoordinatorOnOneStoreIsRefused(t *testing.T) {
	path := one(t)
	first := open(t, path)
	refused(t, path, "another coordinator uses this folder", "stop it first")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path).Close()
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	path := one(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer s.Close()
	if err := s.Commit(t.Context(), &coordinator.Batch{Entries: []coordinator.EntryRow{{Index: 1, Entry: []byte("entry 1")}}}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v: %v, want the store and its write-ahead log", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(f), info.Mode().Perm())
		}
	}
}

// TestSharesOfAnEndedRoundAreInNoFile looks for a canary in the bytes of every file of the store.
func TestSharesOfAnEndedRoundAreInNoFile(t *testing.T) {
	path := one(t)
	s := open(t, path)
	defer s.Close()
	canary := []byte("canary: a share of a mask secret")
	err := s.Commit(t.Context(), &coordinator.Batch{Open: &coordinator.RoundRow{Round: 1},
		Journal: []coordinator.JournalRow{{Round: 1, Event: canary}}, Chunks: []coordinator.ChunkRow{{Round: 1, Data: bytes.Repeat(canary, 1000)}}})
	if err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, path, canary) {
		t.Fatal("the canary was never in a file: this test shows nothing")
	}
	if err := s.Commit(t.Context(), &coordinator.Batch{End: &coordinator.Ended{Round: 1, Members: []round.Member{{ID: [32]byte{1}}}}}); err != nil {
		t.Fatal(err)
	}
	if inFiles(t, path, canary) {
		t.Error("an ended round's shares can still be read from a file")
	}
}

func inFiles(t *testing.T, path string, canary []byte) bool {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, canary) {
			return true
		}
	}
	return false
}

func TestClosedStoreGivesErrors(t *testing.T) {
	s := open(t, one(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, load := s.Load(t.Context())
	_, chunk := s.Chunk(t.Context(), 1, [32]byte{}, 0)
	_, members := s.Members(t.Context(), [32]byte{})
	_, used := s.Used(t.Context(), [16]byte{})
	_, header := s.LastHeader(t.Context(), [32]byte{})
	for name, err := range map[string]error{"load": load, "chunk": chunk, "members": members, "header": header, "used": used,
		"commit": s.Commit(t.Context(), &coordinator.Batch{})} {
		if err == nil || errors.Is(err, sql.ErrNoRows) {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
}

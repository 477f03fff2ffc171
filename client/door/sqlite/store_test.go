package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fresh(t testing.TB) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "door.sqlite")
	s, err := sqlite.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, path
}

func row(key string) door.OutboxRow {
	return door.OutboxRow{Key: []byte(key), At: 1_800_000_000, Kind: "train", Purpose: "recommendations", Bytes: 12, Digest: [32]byte{1}, Body: []byte("body"), Units: 7}
}

func commit(t testing.TB, s *sqlite.Store, c door.Commit) {
	t.Helper()
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// content is everything that a store answers.
type content struct {
	Entries [][]byte
	Session []byte
	Outbox  []door.OutboxRow
	Meta    []byte
}

func read(t testing.TB, s *sqlite.Store) content {
	t.Helper()
	var c content
	for _, err := range []error{
		func() (err error) { c.Entries, err = s.Entries(t.Context()); return }(),
		func() (err error) { c.Session, err = s.Session(t.Context()); return }(),
		func() (err error) { c.Outbox, err = s.Outbox(t.Context(), 100); return }(),
		func() (err error) { c.Meta, err = s.Meta(t.Context(), "k"); return }(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestWhatWasCommittedIsThereAfterReopening(t *testing.T) {
	s, path := fresh(t)
	want := content{Entries: [][]byte{[]byte("one"), []byte("two")}, Session: []byte("session"), Outbox: []door.OutboxRow{row("b"), row("a")}, Meta: []byte("v")}
	commit(t, s, door.Commit{Entry: []byte("one"), Seq: 5, Outbox: []door.OutboxRow{row("a")}, Meta: map[string][]byte{"k": []byte("v")}})
	commit(t, s, door.Commit{Entry: []byte("two"), Seq: 6, SaveSession: true, Session: []byte("session"), Outbox: []door.OutboxRow{row("b")}})
	if diff := cmp.Diff(want, read(t, s)); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	if diff := cmp.Diff(want, read(t, again)); diff != "" {
		t.Error(diff)
	}
	commit(t, again, door.Commit{SaveSession: true, Meta: map[string][]byte{"k": nil}})
	if c := read(t, again); c.Session != nil || c.Meta != nil || len(c.Entries) != 2 {
		t.Errorf("after forgetting: %+v", c)
	}
}

// TestCommitIsWholeOrNotAtAll puts one refused part beside parts that would be taken.
func TestCommitIsWholeOrNotAtAll(t *testing.T) {
	other := row("a")
	other.Digest[0]++
	for name, c := range map[string]door.Commit{
		"another entry at a sequence": {Entry: []byte("other"), Seq: 1},
		"a gap in the ledger":         {Entry: []byte("three"), Seq: 3},
		"an entry before the first":   {Entry: []byte("zero"), Seq: 0},
		"another outbox row":          {Entry: []byte("two"), Seq: 2, Outbox: []door.OutboxRow{row("b"), other}},
		"a row without a key":         {Entry: []byte("two"), Seq: 2, Outbox: []door.OutboxRow{row("")}},
		"a sequence beyond 63 bits":   {Entry: []byte("two"), Seq: 1 << 63},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := fresh(t)
			commit(t, s, door.Commit{Entry: []byte("one"), Seq: 1, SaveSession: true, Session: []byte("s"), Outbox: []door.OutboxRow{row("a")}})
			before := read(t, s)
			c.SaveSession, c.Session = true, []byte("another session")
			if c.Meta == nil {
				c.Meta = map[string][]byte{"k": []byte("v")}
			}
			err := s.Commit(t.Context(), c)
			if err == nil {
				t.Fatal("it was taken")
			}
			if wants := !strings.Contains(name, "key") && !strings.Contains(name, "63"); errors.Is(err, door.ErrConflict) != wants {
				t.Errorf("the error is %v", err)
			}
			if diff := cmp.Diff(before, read(t, s)); diff != "" {
				t.Errorf("a part of it was recorded:\n%s", diff)
			}
		})
	}
}

func TestOutboxRowNeverChanges(t *testing.T) {
	changes := map[string]func(*door.OutboxRow){
		"kind": func(r *door.OutboxRow) { r.Kind = "x" }, "purpose": func(r *door.OutboxRow) { r.Purpose = "x" }, "bytes": func(r *door.OutboxRow) { r.Bytes++ },
		"digest": func(r *door.OutboxRow) { r.Digest[31]++ }, "body": func(r *door.OutboxRow) { r.Body = []byte("x") }, "units": func(r *door.OutboxRow) { r.Units++ },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s, _ := fresh(t)
			commit(t, s, door.Commit{Outbox: []door.OutboxRow{row("a")}})
			r := row("a")
			change(&r)
			r.Receipt = []byte("receipt")
			if err := s.Commit(t.Context(), door.Commit{Outbox: []door.OutboxRow{r}}); !errors.Is(err, door.ErrConflict) {
				t.Errorf("another %s was answered with %v", name, err)
			}
			if diff := cmp.Diff([]door.OutboxRow{row("a")}, read(t, s).Outbox); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReceiptIsAddedOnce(t *testing.T) {
	s, _ := fresh(t)
	r := row("a")
	commit(t, s, door.Commit{Outbox: []door.OutboxRow{r}})
	r.Receipt, r.At, r.Body = []byte("receipt"), r.At+50, nil
	commit(t, s, door.Commit{Outbox: []door.OutboxRow{r}})
	commit(t, s, door.Commit{Outbox: []door.OutboxRow{r}})        // the same again
	commit(t, s, door.Commit{Outbox: []door.OutboxRow{row("a")}}) // the first write again
	want := row("a")
	want.Receipt = []byte("receipt")
	if diff := cmp.Diff([]door.OutboxRow{want}, read(t, s).Outbox); diff != "" {
		t.Error(diff)
	}
	r.Receipt = []byte("another")
	if err := s.Commit(t.Context(), door.Commit{Outbox: []door.OutboxRow{r}}); !errors.Is(err, door.ErrConflict) {
		t.Errorf("a second receipt was answered with %v", err)
	}
}

func TestCommitMadeTwiceChangesNothing(t *testing.T) {
	s, _ := fresh(t)
	c := door.Commit{Entry: []byte("one"), Seq: 1, SaveSession: true, Session: []byte("s"), Outbox: []door.OutboxRow{row("a")}}
	commit(t, s, c)
	before := read(t, s)
	commit(t, s, c)
	if diff := cmp.Diff(before, read(t, s)); diff != "" {
		t.Error(diff)
	}
}

// TestStoreActsLikeItsModel compares any run of commits, reopenings between them, with a value in memory.
func TestStoreActsLikeItsModel(t *testing.T) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(t.TempDir(), fmt.Sprint(n))
		s, err := sqlite.Create(path, nil)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { s.Close() }()
		var want content
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			c := door.Commit{}
			if rapid.Bool().Draw(rt, "entry") {
				c.Seq = uint64(rapid.IntRange(1, len(want.Entries)+2).Draw(rt, "seq"))
				c.Entry = []byte{byte(rapid.IntRange(0, 1).Draw(rt, "bytes"))}
			}
			if c.SaveSession = rapid.Bool().Draw(rt, "save"); c.SaveSession && rapid.Bool().Draw(rt, "session") {
				c.Session = bytes.Repeat([]byte("s"), rapid.IntRange(1, 9000).Draw(rt, "size"))
			}
			fits := c.Entry == nil || c.Seq == uint64(len(want.Entries)+1) ||
				c.Seq <= uint64(len(want.Entries)) && bytes.Equal(want.Entries[c.Seq-1], c.Entry) || len(want.Entries) == 0 && c.Seq == 1
			if len(want.Entries) == 0 && c.Entry != nil {
				c.Seq, fits = 1, true
			}
			err := s.Commit(t.Context(), c)
			if (err == nil) != fits {
				rt.Fatalf("commit of seq %d after %d entries: %v", c.Seq, len(want.Entries), err)
			}
			if fits {
				if c.Entry != nil && c.Seq == uint64(len(want.Entries)+1) {
					want.Entries = append(want.Entries, c.Entry)
				}
				if c.SaveSession {
					want.Session = c.Session
				}
			}
			if rapid.IntRange(0, 3).Draw(rt, "reopen") == 0 {
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				if s, err = sqlite.Open(path); err != nil {
					rt.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, read(t, s)); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

// TestForgottenSessionIsErasedFromTheFile looks for its bytes in every file of the folder.
func TestForgottenSessionIsErasedFromTheFile(t *testing.T) {
	s, path := fresh(t)
	secret := bytes.Repeat([]byte("a session's secret."), 700)
	commit(t, s, door.Commit{SaveSession: true, Session: secret})
	if !onDisk(t, path, secret[:19]) {
		t.Fatal("the session is not on the disk, so this test shows nothing")
	}
	commit(t, s, door.Commit{SaveSession: true, Session: bytes.Repeat([]byte("idle"), 4000), Erase: true}) // longer, and yet it forgot
	if onDisk(t, path, secret[:19]) {
		t.Error("the forgotten session is still on the disk")
	}
	commit(t, s, door.Commit{SaveSession: true, Session: secret})
	commit(t, s, door.Commit{SaveSession: true})
	if onDisk(t, path, secret[:19]) {
		t.Error("the deleted session is still on the disk")
	}
}

// TestErasureIsMadeGood wants what a crash kept from being erased to go at the next start.
func TestErasureIsMadeGood(t *testing.T) {
	s, path := fresh(t)
	secret := bytes.Repeat([]byte("a session's secret."), 700)
	commit(t, s, door.Commit{SaveSession: true, Session: secret})
	commit(t, s, door.Commit{SaveSession: true, Session: []byte("idle")}) // as if the crash came before the erasure
	crashed := filepath.Join(t.TempDir(), "door.sqlite")
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+end, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !onDisk(t, crashed, secret[:19]) {
		t.Fatal("the session is not on the disk, so this test shows nothing")
	}
	again, err := sqlite.Open(crashed)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if onDisk(t, crashed, secret[:19]) {
		t.Error("after a restart the forgotten session is still on the disk")
	}
}

func onDisk(t *testing.T, path string, what []byte) bool {
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
		if bytes.Contains(b, what) {
			return true
		}
	}
	return false
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	s, path := fresh(t)
	commit(t, s, door.Commit{Entry: []byte("one"), Seq: 1})
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, path)
	commit(t, s, door.Commit{Entry: []byte("two"), Seq: 2})
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", filepath.Base(f), info.Mode(), err)
		}
	}
}

// edit changes a closed store's file with SQL.
func edit(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range statements {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadingTheSessionLeavesItThere: the reader clears what the driver gave it, which must not be SQLite's own page.
func TestReadingTheSessionLeavesItThere(t *testing.T) {
	s, _ := fresh(t)
	defer s.Close()
	for _, want := range [][]byte{[]byte("a secret"), bytes.Repeat([]byte("secret "), 5000), {}} {
		commit(t, s, door.Commit{SaveSession: true, Session: want})
		for range 3 {
			got, err := s.Session(t.Context())
			if err != nil || got == nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes are read, %d were written: %v", len(got), len(want), err)
			}
			clear(got)
		}
	}
}

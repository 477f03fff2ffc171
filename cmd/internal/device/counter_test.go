package device

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/client/door"
)

func TestCounterKeepsItsLastNumber(t *testing.T) {
	c := &counter{path: filepath.Join(t.TempDir(), "state", "cinesync", "x.counter"), key: pub(1)}
	if seq, known, err := c.Reached(t.Context()); seq != 0 || known || err != nil {
		t.Errorf("nothing is there: %d, %v, %v", seq, known, err)
	}
	for _, want := range []uint64{0, 1, 99, 1<<64 - 1, 5} {
		if err := c.Record(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if seq, known, err := c.Reached(t.Context()); seq != want || !known || err != nil {
			t.Errorf("%d, %v, %v, want %d", seq, known, err, want)
		}
	}
	info, err := os.Stat(c.path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(c.path+".part", []byte("9"), 0o600); err != nil { // a crash left it
		t.Fatal(err)
	}
	if seq, _, err := c.Reached(t.Context()); seq != 5 || err != nil {
		t.Errorf("half a write: %d, %v", seq, err)
	}
	if err := c.Record(t.Context(), 6); err != nil {
		t.Error(err)
	}
	if _, _, err := (&counter{path: c.path, key: pub(2)}).Reached(t.Context()); !errors.Is(err, door.ErrCounter) {
		t.Errorf("another device's: %v", err)
	}
	good, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty": "", "cut": string(good[:len(good)-1]), "longer": string(good) + "\n", "another number": "7" + string(good[1:]),
		"leading zero": "0" + string(good), "a sign": "+" + string(good), "junk": strings.Repeat("x", 1000)} {
		if err := os.WriteFile(c.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Reached(t.Context()); !errors.Is(err, door.ErrCounter) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCounter wants what is read to be what Record writes.
func FuzzCounter(f *testing.F) {
	c := &counter{path: filepath.Join(f.TempDir(), "x.counter"), key: pub(1)}
	for _, b := range []string{c.line(0), c.line(17), c.line(1<<64 - 1), "", "1", "1 " + strings.Repeat("0", 64) + "\n"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(c.path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		seq, known, err := c.Reached(t.Context())
		if err != nil {
			return
		}
		if !known || c.line(seq) != string(b) {
			t.Errorf("%q is read as %d", b, seq)
		}
	})
}

// TestCounterLiesOutsideTheFolder, whatever the way in is called.
func TestCounterLiesOutsideTheFolder(t *testing.T) {
	world := t.TempDir()
	dir := filepath.Join(world, "devices", "01")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(world, "link")); err != nil {
		t.Skip(err)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(world, "state"))
	for from, want := range map[string]string{"": filepath.Join(world, "state", "cinesync"), "../../counters": filepath.Join(world, "counters"),
		"..": filepath.Join(world, "devices"), "../01b": filepath.Join(world, "devices", "01b"), filepath.Join(world, "far"): filepath.Join(world, "far")} {
		if got, err := (&Config{Counter: from}).counterFolder(dir); err != nil || got != want {
			t.Errorf("%q: %q, %v", from, got, err)
		}
	}
	for _, from := range []string{".", "x", "../01", "../01/x/y", "../../link", "../../link/x", dir} {
		if _, err := (&Config{Counter: from}).counterFolder(dir); err == nil || !strings.Contains(err.Error(), "inside the device's folder") {
			t.Errorf("%q: %v", from, err)
		}
	}
	t.Setenv("XDG_STATE_HOME", dir)
	if _, err := (&Config{}).counterFolder(dir); err == nil || !strings.Contains(err.Error(), "inside the device's folder") {
		t.Errorf("the state folder lies inside: %v", err)
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", filepath.Join(world, "home"))
	if got, err := (&Config{}).counterFolder(dir); err != nil || !strings.HasPrefix(got, filepath.Join(world, "home")) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestNewPeriodCounts: begun above the counter, and counted, with a damaged counter too.
func TestNewPeriodCounts(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir := t.TempDir()
	if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	counted, err := cfg.counterOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	reached := func() uint64 {
		t.Helper()
		seq, known, err := counted.Reached(t.Context())
		if err != nil || !known {
			t.Errorf("%v, %v", known, err)
		}
		return seq
	}
	if p, err := NewPeriod(t.Context(), dir, time.Unix(1_800_000_000, 0)); err != nil || p.Entry.Seq != 1 || reached() != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if err := counted.Record(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	if p, err := NewPeriod(t.Context(), dir, time.Unix(1_800_000_000, 0)); err != nil || p.Entry.Seq != 41 || p.Aside != 1 || reached() != 41 {
		t.Errorf("an old copy: %+v, %v", p, err)
	}
	if err := os.WriteFile(counted.(*counter).path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := NewPeriod(t.Context(), dir, time.Unix(1_800_000_000, 0)); err != nil || p.Entry.Seq != 42 || reached() != 42 {
		t.Errorf("a damaged counter: %+v, %v", p, err)
	}
	if err := os.Remove(filepath.Join(dir, "door.sqlite")); err != nil {
		t.Fatal(err)
	}
	if p, err := NewPeriod(t.Context(), dir, time.Unix(5, 0)); err != nil || p.Entry.Seq != 43 || reached() != 43 {
		t.Errorf("a lost ledger, by a clock that is wrong: %+v, %v", p, err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "identity.key"))
	if err != nil || bytes.Contains(mustRead(t, counted.(*counter).path), bytes.TrimSpace(key[len(key)-65:])) {
		t.Errorf("the counter tells the key: %v", err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

package device

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/privacy"
)

func pins() *Config { return New("127.0.0.1:9", both(1), both(2), pub(3), "x/log", "balanced") }

// order is that in which Init makes the files of a device.
var order = []string{"identity.key", "history.sqlite", "door.sqlite", "models", "identity.request", "device.json"}

func remove(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files gives what lies in dir, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join(dir, e.Name())) // of a folder: nothing
		all[e.Name()] = string(b)
	}
	return all
}

// TestInitThatWasStoppedGoesOnWithItsKey stops after each file.
func TestInitThatWasStoppedGoesOnWithItsKey(t *testing.T) {
	for n := 1; n < len(order); n++ {
		t.Run("stopped after "+order[n-1], func(t *testing.T) {
			dir := t.TempDir()
			first, _, err := Init(dir, pins(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			remove(t, dir, order[n:]...)
			key := files(t, dir)["identity.key"]
			again, _, err := Init(dir, pins(), rand.Reader)
			if err != nil || !again.Equal(first) || files(t, dir)["identity.key"] != key {
				t.Fatalf("key %x, then %x: %v", first, again, err)
			}
			d, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInitMakesItsFilesInOrder stands in the way of the later ones: none that comes after may be there.
func TestInitMakesItsFilesInOrder(t *testing.T) {
	for _, at := range []string{"identity.request", "device.json.part"} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, at), 0o700); err != nil {
			t.Fatal(err)
		}
		// identity.request would tell of a ledger if there were a key, so this is a first try.
		if _, _, err := Init(dir, pins(), rand.Reader); err == nil {
			t.Fatalf("%s could be written", at)
		}
		if _, made := files(t, dir)["device.json"]; made {
			t.Errorf("device.json is there, and %s is not", at)
		}
		key := files(t, dir)["identity.key"]
		remove(t, dir, at)
		if _, _, err := Init(dir, pins(), rand.Reader); err != nil || files(t, dir)["identity.key"] != key {
			t.Errorf("after %s was out of the way: %v", at, err)
		}
	}
}

func TestInitKeepsWhatTheLedgerSays(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(dir, "door.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	e := privacy.Entry{Seq: 1, Kind: privacy.EntryCharge, Round: 1, Units: 5, Cumulative: 5}
	if err := errors.Join(s.Commit(t.Context(), door.Commit{Entry: e.Append(nil), Seq: 1}), s.Close()); err != nil {
		t.Fatal(err)
	}
	remove(t, dir, "device.json")
	if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if l, err := door.OpenLedger(t.Context(), d.Outbox, privacy.Limits{}); err != nil || l.Spent() != 5 {
		t.Errorf("%v", err)
	}
}

// TestInitRefusesBeforeItWrites wants every file to be as it was.
func TestInitRefusesBeforeItWrites(t *testing.T) {
	junk := strings.Repeat("junk", 100)
	for _, c := range []struct {
		name, words string
		gone        []string          // of a device that is made; nil: there was none
		put         map[string]string // after that
	}{
		{"a device that is made", "device.json is there already: this device is made", []string{}, nil},
		{"one whose key is lost", "device.json is there already", []string{"identity.key"}, nil},
		{"half a device.json", "device.json is there already", []string{}, map[string]string{"device.json": ""}},
		{"a damaged history", "move it away", nil, map[string]string{"history.sqlite": junk}},
		{"the log of a history", "history.sqlite-wal is left of an earlier history", nil, map[string]string{"history.sqlite-wal": junk}},
		{"a ledger without a key", "door.sqlite is the ledger of a device whose identity.key is missing", []string{"identity.key", "device.json"}, nil},
		{"junk for a ledger, without a key", "whose identity.key is missing", nil, map[string]string{"door.sqlite": junk}},
		{"the log of a ledger", "door.sqlite-wal is left of a device whose ledger", nil, map[string]string{"door.sqlite-wal": junk}},
		{"a damaged ledger", "move it away", []string{"device.json"}, map[string]string{"door.sqlite": junk}},
		{"a key, and models of a lost ledger", "models is left of a device whose ledger", []string{"device.json", "identity.request", "door.sqlite"}, nil},
		{"a key, and a request of a lost ledger", "identity.request is left", []string{"device.json", "models", "door.sqlite"}, nil},
		{"a key, and a certificate of a lost ledger", "identity.cert is left", []string{"device.json", "models", "identity.request", "door.sqlite"}, map[string]string{"identity.cert": ""}},
		{"a damaged key", "identity.key: it is damaged", []string{"device.json"}, map[string]string{"identity.key": junk}},
		{"a file for models", "models is not a folder", nil, map[string]string{"models": junk}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.gone != nil {
				if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
					t.Fatal(err)
				}
			}
			remove(t, dir, c.gone...)
			for name, text := range c.put {
				write(t, text, dir, name)
			}
			before := files(t, dir)
			for range 2 {
				if _, _, err := Init(dir, pins(), rand.Reader); err == nil || !strings.Contains(err.Error(), c.words) {
					t.Errorf("%v, want %q", err, c.words)
				}
			}
			if after := files(t, dir); !reflect.DeepEqual(after, before) {
				t.Errorf("the folder has changed")
			}
		})
	}
}

// TestInitGoesOnOnceADamagedFileIsMovedAway: what a kill leaves while a store is made is such a file.
func TestInitGoesOnOnceADamagedFileIsMovedAway(t *testing.T) {
	for i, name := range order {
		if !strings.HasSuffix(name, ".sqlite") {
			continue
		}
		dir := t.TempDir()
		if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
			t.Fatal(err)
		}
		remove(t, dir, order[i:]...)
		write(t, "", dir, name)
		if _, _, err := Init(dir, pins(), rand.Reader); err == nil || !strings.Contains(err.Error(), name+": it is damaged (it is empty)") || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%v", err)
		}
		remove(t, dir, name)
		if _, _, err := Init(dir, pins(), rand.Reader); err != nil {
			t.Error(err)
		}
	}
}

func TestInitOfTwoAtOnceIsRefused(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, _, err := Init(dir, pins(), bytes.NewReader(nil)); err == nil || !strings.Contains(err.Error(), "in use by another cinesyncd") {
		t.Errorf("%v", err)
	}
}

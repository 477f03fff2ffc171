package client_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/delta"
)

var _ door.Deltas = (*client.ModelDir)(nil)

// twoModels are files in halves, one a small step from the other.
func twoModels(t *testing.T) (from, to []byte) {
	t.Helper()
	s, err := start(t, model.TwoTowerFamily).InHalves()
	if err != nil {
		t.Fatal(err)
	}
	next := &model.Snapshot{Layout: s.Layout, Params: append([]float32(nil), s.Params...)}
	for i := range next.Params {
		next.Params[i] *= 1.001
	}
	if next, err = next.InHalves(); err != nil {
		t.Fatal(err)
	}
	return s.Encode(), next.Encode()
}

func TestDeltaBecomesAWholeModel(t *testing.T) {
	from, to := twoModels(t)
	d, err := delta.Encode(from, to)
	if err != nil {
		t.Fatal(err)
	}
	hash, name := sha256.Sum256(to), sha256.Sum256([]byte("name of a delta"))
	for what, c := range map[string]struct {
		spoil func(dir string, base [32]byte)
		delta []byte
		whole bool
	}{
		"right": {delta: d, whole: true},
		"other": {delta: append([]byte("x"), d...)},
		"empty": {delta: []byte{}},
		"base gone": {delta: d, spoil: func(dir string, base [32]byte) {
			if err := os.Remove(filepath.Join(dir, hex.EncodeToString(base[:])+".snapshot")); err != nil {
				t.Fatal(err)
			}
		}},
		"base damaged": {delta: d, spoil: func(dir string, base [32]byte) {
			if err := os.WriteFile(filepath.Join(dir, hex.EncodeToString(base[:])+".snapshot"), to, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			m, dir := modelDir(t)
			base := put(t, m, from)
			if c.spoil != nil {
				c.spoil(dir, base)
			}
			if err := m.Append(name, 0, c.delta); err != nil {
				t.Fatal(err)
			}
			whole, err := m.Rebuild(hash, base, name)
			if err != nil || whole != c.whole {
				t.Fatalf("whole %v, %v; want %v", whole, err, c.whole)
			}
			got, err := m.Read(hash)
			if c.whole != (err == nil && string(got) == string(to)) || !c.whole && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the model is there: %d bytes, %v", len(got), err)
			}
			if part, _, err := resume(m, name); len(part) != 0 || err != nil {
				t.Errorf("%d bytes of the delta are left, %v", len(part), err)
			}
		})
	}
}

func TestDeltasBeginFromTheNewestModel(t *testing.T) {
	m, dir := modelDir(t)
	want := func(when string, hash [32]byte, size int) {
		t.Helper()
		if got, n, err := m.Base(); err != nil || got != hash || n != int64(size) {
			t.Errorf("%s: base %x of %d bytes, %v; want %x of %d", when, got[:4], n, err, hash[:4], size)
		}
	}
	want("nothing is there", [32]byte{}, 0)
	if err := os.WriteFile(filepath.Join(dir, "README.snapshot"), []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.Append([32]byte{7}, 0, []byte("unfinished")); err != nil {
		t.Fatal(err)
	}
	want("nothing whole is there", [32]byte{}, 0)
	first := put(t, m, []byte("the start"))
	want("the start alone", first, 9)
	second := put(t, m, []byte("the second"))
	if err := m.Promote(second); err != nil {
		t.Fatal(err)
	}
	put(t, m, []byte("one more"))
	want("one promoted", second, 10)
}

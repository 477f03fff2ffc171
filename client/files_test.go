package client_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/client/door"
)

var _ door.Models = (*client.ModelDir)(nil)

func modelDir(t *testing.T) (*client.ModelDir, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "models")
	m, err := client.OpenModelDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m, dir
}

func resume(m *client.ModelDir, h [32]byte) (got []byte, whole bool, err error) {
	var b bytes.Buffer
	n, whole, err := m.Resume(h, &b)
	if n != int64(b.Len()) {
		err = errors.Join(err, fmt.Errorf("%d bytes, and it says %d", b.Len(), n))
	}
	return b.Bytes(), whole, err
}

// put downloads b in two pieces.
func put(t *testing.T, m *client.ModelDir, b []byte) [32]byte {
	t.Helper()
	h := sha256.Sum256(b)
	for _, err := range []error{m.Append(h, 0, b[:len(b)/2]), m.Append(h, int64(len(b)/2), b[len(b)/2:])} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, whole, err := resume(m, h); err != nil || !bytes.Equal(got, b) || whole {
		t.Fatalf("the unfinished download is %q, whole %v, %v", got, whole, err)
	}
	if err := m.Finish(h); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestModelIsWholeOnceFinished(t *testing.T) {
	m, dir := modelDir(t)
	b := []byte("a model file")
	h := sha256.Sum256(b)
	if got, whole, err := resume(m, h); len(got) > 0 || whole || err != nil {
		t.Errorf("nothing was downloaded: %q, %v", got, err)
	}
	if _, err := m.Read(h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	put(t, m, b)
	if got, whole, err := resume(m, h); len(got) > 0 || !whole || err != nil {
		t.Errorf("it was downloaded: %q, whole %v, %v", got, whole, err)
	}
	again, err := client.OpenModelDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Read(h); err != nil || !bytes.Equal(got, b) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := again.Newest(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a model that no round published is the newest: %v", err)
	}
	if err := again.Discard(h); err != nil {
		t.Errorf("discard what is not there: %v", err)
	}
}

func TestDamagedModelIsRemovedAndDownloadedAgain(t *testing.T) {
	m, dir := modelDir(t)
	h := put(t, m, []byte("a model file"))
	file := damage(t, dir)
	if _, err := m.Read(h); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "downloads a whole one") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the damaged file is still there: %v", err)
	}
}

// damage changes a byte of the only model in a folder.
func damage(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	return files[0]
}

func TestNewestIsThePublishedOneAndTheRestIsLetGo(t *testing.T) {
	m, dir := modelDir(t)
	var last [32]byte
	for _, b := range []string{"model one", "model two", "model three"} {
		last = put(t, m, []byte(b))
		for range 2 { // announced twice
			if err := m.Promote(last); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := m.Newest(); err != nil || string(got) != b {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := m.Append(sha256.Sum256([]byte("never finished")), 0, []byte("nev")); err != nil {
		t.Fatal(err)
	}
	if err := m.Promote(put(t, m, []byte("model four"))); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Errorf("%v, want two models and newest: %v", files, err)
	}
	if err := m.Promote(sha256.Sum256([]byte("unknown"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if got, err := m.Newest(); err != nil || string(got) != "model four" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "newest"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Newest(); err == nil || !strings.Contains(err.Error(), "does not name a model: remove that file") {
		t.Errorf("%v", err)
	}
}

func TestModelFolderInAFilesPlaceIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.OpenModelDir(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// TestResumeRemovesAWholeModelThatIsDamaged: it will be downloaded again.
func TestResumeRemovesAWholeModelThatIsDamaged(t *testing.T) {
	m, dir := modelDir(t)
	h := put(t, m, []byte("a model file"))
	files, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("a modem file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, whole, err := resume(m, h); len(got) > 0 || whole || err != nil {
		t.Errorf("%q, whole %v, %v", got, whole, err)
	}
	if _, err := os.Stat(files[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

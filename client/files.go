package client

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ModelDir keeps downloaded models in a folder, by content address: HASH.snapshot when whole, HASH.part while it comes,
// and a file `newest` that names the last one that was promoted.
type ModelDir struct{ dir string }

// OpenModelDir makes the folder if it is not there.
func OpenModelDir(dir string) (*ModelDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make model folder: %w", err)
	}
	return &ModelDir{dir}, nil
}

func (m *ModelDir) path(hash [32]byte, ext string) string {
	return filepath.Join(m.dir, hex.EncodeToString(hash[:])+ext)
}

// Read gives a whole model file, checked against its name.
func (m *ModelDir) Read(hash [32]byte) ([]byte, error) {
	b, err := os.ReadFile(m.path(hash, ".snapshot"))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(b) == hash {
		return b, nil
	}
	if err := os.Remove(m.path(hash, ".snapshot")); err != nil {
		return nil, fmt.Errorf("model %x is damaged on disk, and has to be removed before it can be downloaded again: %w", hash[:8], err)
	}
	return nil, &damaged{hash}
}

// damaged is the error of a model that was not what its name says. It is gone, so it counts as absent.
type damaged struct{ hash [32]byte }

func (e *damaged) Error() string {
	return fmt.Sprintf("model %x was damaged on disk and is removed; `cinesyncd run` downloads a whole one in the next round", e.hash[:8])
}

func (e *damaged) Unwrap() error { return fs.ErrNotExist }

// Resume says whether a whole model is there, checked against its name; a damaged one is removed. If it is not, Resume writes
// what is there of an unfinished download.
func (m *ModelDir) Resume(hash [32]byte, w io.Writer) (n int64, whole bool, err error) {
	sum := sha256.New()
	if _, err := copyFile(sum, m.path(hash, ".snapshot")); err == nil {
		if [32]byte(sum.Sum(nil)) == hash {
			return 0, true, nil
		}
		if err := os.Remove(m.path(hash, ".snapshot")); err != nil {
			return 0, false, err
		}
	}
	n, err = copyFile(w, m.path(hash, ".part"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	return n, false, err
}

func copyFile(w io.Writer, path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, f)
	return n, errors.Join(err, f.Close())
}

// Append adds to an unfinished download.
func (m *ModelDir) Append(hash [32]byte, offset int64, b []byte) error {
	f, err := os.OpenFile(m.path(hash, ".part"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, offset)
	return errors.Join(err, f.Close())
}

// Finish makes an unfinished download whole.
func (m *ModelDir) Finish(hash [32]byte) error {
	return os.Rename(m.path(hash, ".part"), m.path(hash, ".snapshot"))
}

// Promote makes a whole model, which a round published, the newest, and lets go of those before the last two.
func (m *ModelDir) Promote(hash [32]byte) error {
	if _, err := os.Stat(m.path(hash, ".snapshot")); err != nil {
		return err
	}
	old, err := os.ReadFile(filepath.Join(m.dir, "newest"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	name := hex.EncodeToString(hash[:])
	if string(old) == name {
		return nil
	}
	tmp := filepath.Join(m.dir, "newest.tmp")
	if err := os.WriteFile(tmp, []byte(name), 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(m.dir, "newest")); err != nil {
		return err
	}
	return m.prune(name, string(old))
}

// prune removes other models, and downloads that were never finished.
func (m *ModelDir) prune(keep ...string) error {
	files, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		ext := filepath.Ext(f.Name())
		if ext != ".part" && (ext != ".snapshot" || slices.Contains(keep, strings.TrimSuffix(f.Name(), ext))) {
			continue
		}
		if err := os.Remove(filepath.Join(m.dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Discard throws an unfinished download away.
func (m *ModelDir) Discard(hash [32]byte) error {
	err := os.Remove(m.path(hash, ".part"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Newest gives the model that was promoted last.
func (m *ModelDir) Newest() ([]byte, error) {
	path := filepath.Join(m.dir, "newest")
	name, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	hash, ok := parseNewest(name)
	if !ok {
		return nil, fmt.Errorf("%s does not name a model: remove that file; `cinesyncd run` writes it again after the next round", path)
	}
	return m.Read(hash)
}

// parseNewest reads the name that Promote writes: 64 lower-case hex digits and nothing else.
func parseNewest(name []byte) (hash [32]byte, ok bool) {
	raw, err := hex.DecodeString(string(name))
	if err != nil || len(raw) != len(hash) || hex.EncodeToString(raw) != string(name) {
		return hash, false
	}
	return [32]byte(raw), true
}

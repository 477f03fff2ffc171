package client

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cinesync/cinesync/model/delta"
)

// Base names the whole model that deltas begin from, with its size in bytes: the one that was promoted last, and before the first any that
// is there. Zero if there is none.
func (m *ModelDir) Base() (hash [32]byte, size int64, err error) {
	name, err := os.ReadFile(filepath.Join(m.dir, "newest"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hash, 0, err
	}
	if hash, ok := parseNewest(name); ok {
		if info, err := os.Stat(m.path(hash, ".snapshot")); err == nil {
			return hash, info.Size(), nil
		}
	}
	files, err := os.ReadDir(m.dir)
	if err != nil {
		return hash, 0, err
	}
	for _, f := range files {
		digits, ok := strings.CutSuffix(f.Name(), ".snapshot")
		hash, named := parseNewest([]byte(digits))
		if info, err := f.Info(); ok && named && err == nil {
			return hash, info.Size(), nil
		}
	}
	return [32]byte{}, 0, nil
}

// Rebuild makes a model whole out of a base and of the delta that was downloaded under a name, which is removed. It is false where the two
// do not make the model with this hash, or the base is damaged: the whole model has to be downloaded then.
func (m *ModelDir) Rebuild(hash, base, name [32]byte) (whole bool, err error) {
	part := m.path(name, ".part")
	d, err := os.ReadFile(part)
	if err != nil {
		return false, err
	}
	if err := os.Remove(part); err != nil {
		return false, err
	}
	from, err := m.Read(base)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	file, err := delta.Apply(from, d, hash)
	if err != nil {
		return false, nil // whatever is wrong with it, the whole file puts it right
	}
	if err := os.WriteFile(m.path(hash, ".part"), file, 0o600); err != nil {
		return false, err
	}
	return true, m.Finish(hash)
}

package witness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const lockName = "lock"

// ErrInUse says that another process has the folder.
var ErrInUse = errors.New("another process uses it")

// lockFolder takes the folder's lock, which ends when the file is closed, also by a kill.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), f.Close())
	}
	return f, nil
}

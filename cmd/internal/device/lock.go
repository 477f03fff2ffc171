package device

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

var errLocked = errors.New("another program has it")

// Lock makes sure that no other program takes part in rounds from this folder or begins its ledger again, until Close.
func (d *Device) Lock() error {
	if d.lock != nil {
		return nil
	}
	var err error
	d.lock, err = lockFolder(d.Dir)
	return err
}

// lockFolder takes the lock of a device's folder, which ends when the file is closed.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock device folder: %w", err)
	}
	err = lockFile(f)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("%s is in use by another cinesyncd: stop that one first", dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d *Device) unlock() error {
	if d.lock == nil {
		return nil
	}
	f := d.lock
	d.lock = nil
	return f.Close()
}

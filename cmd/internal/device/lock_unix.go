//go:build unix

package device

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock of an open file, which ends with the file, also when the process is killed.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

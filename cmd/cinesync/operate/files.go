package operate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is a folder of files that are whole or absent.
type Dir string

// Read gives a whole file.
func (d Dir) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(d), name)) }

// Write puts a file in place durably: written beside, synced, renamed, folder synced. Equal content is left alone.
func (d Dir) Write(name string, b []byte) error {
	path := filepath.Join(string(d), name)
	if err := write(path, b); err != nil {
		return fmt.Errorf("write %s: %s%w", path, adviceDisk(err), err)
	}
	return nil
}

func write(path string, b []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(b) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// Remove removes a file; an absent one is fine.
func (d Dir) Remove(name string) error {
	err := os.Remove(filepath.Join(string(d), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Names lists the files of a folder below, or of the folder itself for "".
func (d Dir) Names(folder string) ([]string, error) {
	list, err := os.ReadDir(filepath.Join(string(d), folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range list {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// sweep removes what a crash left half written.
func (d Dir) sweep() error {
	return filepath.WalkDir(string(d), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if ok, _ := filepath.Match(".writing-*", e.Name()); ok && !e.IsDir() {
			return os.Remove(path)
		}
		return nil
	})
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// adviceDisk says what a person can do about a file that cannot be written. Nothing that is recorded is lost then: the
// coordinator stops, and the next start makes good what was not written.
func adviceDisk(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full; free some space and start again, nothing recorded is lost: "
	case errors.Is(err, fs.ErrPermission):
		return "give this account the right to write there and start again: "
	case errors.Is(err, syscall.EROFS):
		return "the disk cannot be written to; mount it for writing and start again, nothing recorded is lost: "
	case errors.Is(err, syscall.EIO):
		return "the disk does not write as it should; check the disk, then start again, nothing recorded is lost: "
	default:
		return ""
	}
}

package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// VectorDir keeps the long vectors of a device's running round in a folder of their own, one file each, which nobody but its
// owner can read. They are what a person watched, in one form or another, so a file that is let go is overwritten first. It is
// for one goroutine.
type VectorDir struct {
	dir  string
	open map[string]*os.File // written, and not known to be on the disk
}

// OpenVectorDir makes the folder if it is not there. What lies in it stays until Keep.
func OpenVectorDir(dir string) (*VectorDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make vector folder: %w", err)
	}
	return &VectorDir{dir: dir, open: map[string]*os.File{}}, nil
}

// Write puts p at an offset; at 0 the file is made, if it is not there.
func (v *VectorDir) Write(name string, at int64, p []byte) error {
	f := v.open[name]
	if f == nil {
		var err error
		if f, err = os.OpenFile(filepath.Join(v.dir, name), os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
			return err
		}
		v.open[name] = f
	}
	_, err := f.WriteAt(p, at)
	return err
}

// Read fills p from an offset.
func (v *VectorDir) Read(name string, at int64, p []byte) error {
	f, err := os.Open(filepath.Join(v.dir, name))
	if err != nil {
		return err
	}
	_, err = f.ReadAt(p, at)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s ends before byte %d", f.Name(), at+int64(len(p)))
	}
	return errors.Join(err, f.Close())
}

// Sync puts on the disk what was written.
func (v *VectorDir) Sync() error {
	if len(v.open) == 0 {
		return nil
	}
	var err error
	for name, f := range v.open {
		err = errors.Join(err, f.Sync(), f.Close())
		delete(v.open, name)
	}
	return errors.Join(err, v.syncDir())
}

func (v *VectorDir) syncDir() error {
	d, err := os.Open(v.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Keep overwrites and removes every file but those named.
func (v *VectorDir) Keep(names ...string) error {
	files, err := os.ReadDir(v.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if slices.Contains(names, f.Name()) {
			continue
		}
		if old := v.open[f.Name()]; old != nil {
			delete(v.open, f.Name())
			if err := old.Close(); err != nil {
				return err
			}
		}
		if err := wipe(filepath.Join(v.dir, f.Name())); err != nil {
			return fmt.Errorf("erase vector: %w", err)
		}
	}
	return nil
}

// wipe overwrites a file with zeros, on the disk, and removes it. On a disk that never writes a block twice in one place the
// old one stays until the disk itself lets go of it.
func wipe(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	zero := make([]byte, 256<<10)
	for at := int64(0); err == nil && at < info.Size(); at += int64(len(zero)) {
		_, err = f.WriteAt(zero[:min(int64(len(zero)), info.Size()-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}

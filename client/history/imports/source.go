package imports

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Limits on what is opened.
const (
	maxFiles     = 10_000
	maxUnpacked  = 4 << 30
	maxDirectory = 8 << 20 // bytes of a zip's directory
)

// source is an open file, folder or zip.
type source struct {
	files []entry // by name
	close func() error
}

// entry is one file of a source; its name is relative to the folder, the zip, or the folder that the file lies in.
type entry struct {
	name string
	open func() (io.ReadCloser, error)
}

// openSource opens a path. Beside a single file, those that companions names are taken too, if they are there.
func openSource(name string, companions func(base string) []string) (*source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	var s *source
	switch {
	case info.IsDir():
		s, err = openFolder(name)
	case info.Mode().IsRegular():
		s, err = openFile(name, info.Size(), companions)
	default:
		return nil, fmt.Errorf("it is neither a file nor a folder: %w", ErrUnreadable)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.files, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return s, nil
}

// openFolder lists the regular files below a folder. Links are not followed, so nothing outside is read.
func openFolder(name string) (*source, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	s := &source{close: root.Close}
	var total int64
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if total += info.Size(); total > maxUnpacked || len(s.files) == maxFiles {
			return errTooMuch
		}
		s.files = append(s.files, entry{p, func() (io.ReadCloser, error) { return root.Open(p) }})
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("list folder: %w", err), root.Close())
	}
	return s, nil
}

var errTooMuch = fmt.Errorf("more than %d files or %d GiB: give the folder or zip of the data set alone: %w", maxFiles, maxUnpacked>>30, ErrUnreadable)

// openFile opens a zip, known by its first bytes, or a plain file.
func openFile(name string, size int64, companions func(base string) []string) (*source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	var magic [4]byte
	if n, err := f.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	} else if string(magic[:n]) == "PK\x03\x04" || string(magic[:n]) == "PK\x05\x06" {
		s, err := openZip(f, size)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		s.close = f.Close
		return s, nil
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if size > maxUnpacked {
		return nil, errTooMuch
	}
	dir, own := filepath.Split(name)
	s := &source{close: func() error { return nil }}
	for _, b := range append([]string{own}, companions(base(own))...) {
		p := filepath.Join(dir, b)
		if info, err := os.Lstat(p); b == own || err == nil && info.Mode().IsRegular() && info.Size() <= maxUnpacked {
			s.files = append(s.files, entry{b, func() (io.ReadCloser, error) { return os.Open(p) }})
		}
	}
	return s, nil
}

// openZip lists a zip's files and reads them in place.
func openZip(f io.ReaderAt, size int64) (*source, error) {
	guard := &directoryGuard{r: f, left: maxDirectory}
	z, err := zip.NewReader(guard, size)
	if err != nil {
		return nil, fmt.Errorf("read zip: %w: %w", err, ErrUnreadable)
	}
	guard.off = true
	if len(z.File) > maxFiles {
		return nil, errTooMuch
	}
	s := &source{}
	var total uint64
	for _, zf := range z.File {
		if zf.Mode().IsDir() {
			continue
		}
		if !fs.ValidPath(zf.Name) || !filepath.IsLocal(zf.Name) {
			return nil, fmt.Errorf("the zip holds a path that leaves it (%q): %w", zf.Name, ErrUnreadable)
		}
		if zf.UncompressedSize64 > maxUnpacked || total+zf.UncompressedSize64 > maxUnpacked {
			return nil, errTooMuch
		}
		total += zf.UncompressedSize64
		if !zf.Mode().IsRegular() {
			continue
		}
		s.files = append(s.files, entry{zf.Name, func() (io.ReadCloser, error) { return openZipped(zf) }})
	}
	return s, nil
}

// openZipped opens one file of a zip. archive/zip fails when it unpacks to more than it declares, so the sum above holds.
func openZipped(zf *zip.File) (io.ReadCloser, error) {
	if zf.Flags&1 != 0 {
		return nil, fmt.Errorf("%s in the zip is encrypted: unpack it first: %w", zf.Name, ErrUnreadable)
	}
	r, err := zf.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s in the zip: %w: %w", zf.Name, err, ErrUnreadable)
	}
	return r, nil
}

// directoryGuard bounds what is read while a zip's directory is listed, and with it the memory that the list takes.
type directoryGuard struct {
	r    io.ReaderAt
	left int64
	off  bool
}

func (g *directoryGuard) ReadAt(p []byte, at int64) (int, error) {
	if !g.off {
		if g.left -= int64(len(p)); g.left < 0 {
			return 0, fmt.Errorf("its directory is larger than %d MiB", maxDirectory>>20)
		}
	}
	return g.r.ReadAt(p, at)
}

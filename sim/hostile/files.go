package hostile

import (
	"bytes"
	"fmt"
	"slices"
)

// files is a device's scratch, in memory: what a test can set back to an earlier moment.
type files map[string][]byte

// Write begins a file anew at 0, or adds to its end.
func (f files) Write(name string, at int64, p []byte) error {
	if at == 0 {
		f[name] = nil
	}
	if at != int64(len(f[name])) {
		return fmt.Errorf("file %q has %d bytes, and %d is not its end", name, len(f[name]), at)
	}
	f[name] = append(f[name], p...)
	return nil
}

// Read fills p.
func (f files) Read(name string, at int64, p []byte) error {
	if at < 0 || at+int64(len(p)) > int64(len(f[name])) {
		return fmt.Errorf("file %q has %d bytes, and not %d from %d on", name, len(f[name]), len(p), at)
	}
	copy(p, f[name][at:])
	return nil
}

// keep removes all files but those named.
func (f files) keep(names []string) {
	for name := range f {
		if !slices.Contains(names, name) {
			clear(f[name])
			delete(f, name)
		}
	}
}

// clone is a copy with no memory in common.
func (f files) clone() files {
	out := files{}
	for name, b := range f {
		out[name] = bytes.Clone(b)
	}
	return out
}

// become is what f was when it was cloned.
func (f files) become(old files) {
	clear(f)
	for name, b := range old {
		f[name] = bytes.Clone(b)
	}
}

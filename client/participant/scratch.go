package participant

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
)

// Scratch keeps the long vectors of a session out of memory, as named files of bytes on the device. What is read back is
// checked against a digest in the saved state, so that it need not be trusted; it has to be secret.
type Scratch interface {
	// Write puts p at an offset: 0 begins the file anew, any other is its length so far.
	Write(name string, at int64, p []byte) error
	// Read fills p from an offset; a file that ends before is an error.
	Read(name string, at int64, p []byte) error
}

// The files of a session: the clipped and quantised update, the same with its noise, and with its mask. Each is written from
// the one before, and the one before is dropped.
const (
	fileQuantised = "quantised"
	fileNoised    = "noised"
	fileMasked    = "masked"
)

// written names a file and says what it must hold. The zero value stands for no file.
type written struct {
	Size int64
	Hash [32]byte
}

func (w written) there() bool { return w != written{} }

// changed means that a vector on the device's disk is not what was written: it must not be sent, because two vectors under the
// same masks reveal their difference (9.1).
func changed(name string) error {
	return sitOut(fmt.Errorf("read the %s vector: it changed on this device's disk", name))
}

// fileWriter writes a file from its beginning.
type fileWriter struct {
	scratch Scratch
	name    string
	at      int64
	sum     hash.Hash
}

func newFileWriter(s Scratch, name string) *fileWriter {
	return &fileWriter{scratch: s, name: name, sum: sha256.New()}
}

// Write appends.
func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.scratch.Write(w.name, w.at, p); err != nil {
		return 0, sitOut(fmt.Errorf("write the %s vector: %w", w.name, err))
	}
	w.at += int64(len(p))
	w.sum.Write(p)
	return len(p), nil
}

func (w *fileWriter) done() written { return written{w.at, [32]byte(w.sum.Sum(nil))} }

// fileReader reads a file from its beginning. What it gave may be relied on once check passes.
type fileReader struct {
	scratch Scratch
	name    string
	want    written
	at      int64
	sum     hash.Hash
}

func newFileReader(s Scratch, name string, want written) *fileReader {
	return &fileReader{scratch: s, name: name, want: want, sum: sha256.New()}
}

// Read fills p.
func (r *fileReader) Read(p []byte) (int, error) {
	if err := r.scratch.Read(r.name, r.at, p); err != nil {
		return 0, sitOut(fmt.Errorf("read the %s vector: %w", r.name, err))
	}
	r.at += int64(len(p))
	r.sum.Write(p)
	return len(p), nil
}

// check wants the whole file to have been read, and to be what was written.
func (r *fileReader) check() error {
	if (written{r.at, [32]byte(r.sum.Sum(nil))}) != r.want {
		return changed(r.name)
	}
	return nil
}

// Memory is a Scratch for devices with room, and for tests. Its files end with the process. It is for one goroutine.
type Memory struct {
	files map[string][][]byte
	free  [][]byte // zeroed pieces of files that are gone, for those that come after them
}

// NewMemory makes an empty one.
func NewMemory() *Memory { return &Memory{files: map[string][][]byte{}} }

// Write puts p at an offset. Pieces stay where they are, so that a long file is never copied to grow.
func (m *Memory) Write(name string, at int64, p []byte) error {
	if at == 0 {
		m.remove(name)
	}
	if n := m.size(name); n != at {
		return fmt.Errorf("file %q has %d bytes, and %d is not its end", name, n, at)
	}
	pieces := m.files[name]
	for len(p) > 0 {
		last := len(pieces) - 1
		if last < 0 || len(pieces[last]) == cap(pieces[last]) {
			if len(m.free) == 0 {
				pieces = append(pieces, bytes.Clone(p)) // whose memory is not zeroed first
				break
			}
			pieces, last = append(pieces, m.free[len(m.free)-1]), last+1
			m.free = m.free[:len(m.free)-1]
		}
		n := min(len(p), cap(pieces[last])-len(pieces[last]))
		pieces[last] = append(pieces[last], p[:n]...)
		p = p[n:]
	}
	m.files[name] = pieces
	return nil
}

// Read fills p from an offset.
func (m *Memory) Read(name string, at int64, p []byte) error {
	if at < 0 || at+int64(len(p)) > m.size(name) {
		return fmt.Errorf("file %q has %d bytes, and not those from %d to %d", name, m.size(name), at, at+int64(len(p)))
	}
	for _, piece := range m.files[name] {
		if len(p) == 0 {
			break
		}
		if at < int64(len(piece)) {
			n := copy(p, piece[at:])
			p, at = p[n:], at+int64(n)
		}
		at -= int64(len(piece))
	}
	return nil
}

// Keep zeroes and forgets every file but those named. It does not fail.
func (m *Memory) Keep(names ...string) error {
	for name := range m.files {
		if !slices.Contains(names, name) {
			m.remove(name)
		}
	}
	return nil
}

// Sync does nothing.
func (m *Memory) Sync() error { return nil }

func (m *Memory) remove(name string) {
	for _, piece := range m.files[name] {
		clear(piece)
		m.free = append(m.free, piece[:0])
	}
	delete(m.files, name)
	if len(m.files) == 0 {
		m.free = nil // between rounds nothing is held
	}
}

// Clone is a copy with no memory in common: a device as it was, for whoever sets it back.
func (m *Memory) Clone() *Memory {
	c := NewMemory()
	for name, pieces := range m.files {
		for _, piece := range pieces {
			c.files[name] = append(c.files[name], bytes.Clone(piece))
		}
	}
	return c
}

// Names lists the files.
func (m *Memory) Names() []string {
	var out []string
	for name := range m.files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (m *Memory) size(name string) (n int64) {
	for _, piece := range m.files[name] {
		n += int64(len(piece))
	}
	return n
}

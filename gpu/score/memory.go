package score

import (
	"unsafe"

	"github.com/cinesync/cinesync/gpu"
)

// memory is buffers that are freed together. After the first error it gives none.
type memory struct {
	device *gpu.Device
	stream *gpu.Stream
	list   []*gpu.Buffer
	poison bool // fill what is new with what is no number: tests do, so that nothing depends on it
	err    error
}

// words takes n words of 4 bytes.
func (m *memory) words(n int) *gpu.Buffer {
	if m.err != nil {
		return nil
	}
	var b *gpu.Buffer
	if b, m.err = m.device.Alloc(4 * max(1, n)); m.err != nil {
		return nil
	}
	m.list = append(m.list, b)
	if m.poison {
		m.err = m.stream.Fill(b, 0, b.Len(), 0xff)
	}
	return b
}

func (m *memory) floats(v []float32) *gpu.Buffer { return m.bytes(gpu.Bytes(v)) }
func (m *memory) ids(v []uint32) *gpu.Buffer     { return m.bytes(gpu.Bytes(v)) }

func (m *memory) bytes(v []byte) *gpu.Buffer {
	b := m.words(len(v) / 4)
	if m.err == nil && len(v) > 0 {
		m.err = m.stream.Upload(b, 0, v)
	}
	return b
}

// zeros takes n cleared words.
func (m *memory) zeros(n int) *gpu.Buffer {
	b := m.words(n)
	if m.err == nil {
		m.err = m.stream.Zero(b, 0, b.Len())
	}
	return b
}

func (m *memory) free() {
	for _, b := range m.list {
		b.Free()
	}
	m.list = nil
}

// launch queues a kernel unless something failed before.
func (m *memory) launch(f *gpu.Function, grid gpu.Dim, block, shared int, args ...any) {
	if m.err == nil {
		m.err = m.stream.Launch(f, grid, gpu.Dim{X: block}, shared, args...)
	}
}

// download queues a copy back unless something failed before.
func (m *memory) download(dst []byte, src *gpu.Buffer) {
	if m.err == nil {
		m.err = m.stream.Download(dst, src, 0)
	}
}

// stage is memory of the host from which the device copies by itself, in one of two places; what was staged there before is gone. It grows
// with what is asked for.
func (m *Model) stage(f *memory, place, words int) []uint32 {
	if f.err != nil || words == 0 {
		return nil
	}
	p := &m.staged[place]
	if *p == nil || len((*p).Bytes()) < 4*words {
		(*p).Free()
		if *p, f.err = m.device.Pinned(4 * (words + words/4)); f.err != nil {
			*p = nil
			return nil
		}
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData((*p).Bytes()))), words)
}

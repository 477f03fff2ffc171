package gpu

import (
	"fmt"
	"time"
	"unsafe"
)

// Stream is a queue of the device's work, done in order. Several streams run beside each other. A Stream is for one goroutine.
type Stream struct {
	device *Device
	handle uintptr
}

// Stream makes one.
func (d *Device) Stream() (*Stream, error) {
	s := &Stream{device: d}
	const nonBlocking = 1
	if err := d.call("cuStreamCreate", func() int32 { return d.cuda.streamCreate(&s.handle, nonBlocking) }); err != nil {
		return nil, fmt.Errorf("make a stream: %w", err)
	}
	return s, nil
}

// Close ends the stream once its work is done.
func (s *Stream) Close() error {
	return s.device.call("cuStreamDestroy", func() int32 { return s.device.cuda.streamDestroy(s.handle) })
}

// Upload copies to the device. Bytes in pinned memory must stay as they are until Wait; others are free when it returns.
func (s *Stream) Upload(dst *Buffer, off int, src []byte) error {
	if err := dst.check(s.device, off, len(src)); err != nil || len(src) == 0 {
		return wrap("upload", err)
	}
	return wrap("upload", s.device.call("cuMemcpyHtoDAsync", func() int32 {
		return s.device.cuda.upload(dst.at+uint64(off), unsafe.Pointer(unsafe.SliceData(src)), uint64(len(src)), s.handle)
	}))
}

// Download copies from the device. Bytes in pinned memory are there after Wait; for others it waits itself.
func (s *Stream) Download(dst []byte, src *Buffer, off int) error {
	if err := src.check(s.device, off, len(dst)); err != nil || len(dst) == 0 {
		return wrap("download", err)
	}
	err := s.device.call("cuMemcpyDtoHAsync", func() int32 {
		return s.device.cuda.download(unsafe.Pointer(unsafe.SliceData(dst)), src.at+uint64(off), uint64(len(dst)), s.handle)
	})
	if err == nil && !s.device.locked(dst) {
		err = s.Wait()
	}
	return wrap("download", err)
}

// Zero clears n bytes.
func (s *Stream) Zero(b *Buffer, off, n int) error { return s.Fill(b, off, n, 0) }

// Fill sets n bytes to a value.
func (s *Stream) Fill(b *Buffer, off, n int, value byte) error {
	if err := b.check(s.device, off, n); err != nil || n == 0 {
		return wrap("fill", err)
	}
	return wrap("fill", s.device.call("cuMemsetD8Async", func() int32 {
		return s.device.cuda.set(b.at+uint64(off), value, uint64(n), s.handle)
	}))
}

// Copy copies n bytes on the device. The windows do not overlap.
func (s *Stream) Copy(dst *Buffer, dstOff int, src *Buffer, srcOff, n int) error {
	err := dst.check(s.device, dstOff, n)
	if err == nil {
		err = src.check(s.device, srcOff, n)
	}
	if err != nil || n == 0 {
		return wrap("copy", err)
	}
	return wrap("copy", s.device.call("cuMemcpyDtoDAsync", func() int32 {
		return s.device.cuda.copy(dst.at+uint64(dstOff), src.at+uint64(srcOff), uint64(n), s.handle)
	}))
}

// Wait returns when everything that was queued is done. A kernel that failed is heard of here, or at any later call.
func (s *Stream) Wait() error {
	return wrap("wait", s.device.call("cuStreamSynchronize", func() int32 { return s.device.cuda.streamWait(s.handle) }))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Mark is a moment in a stream.
type Mark struct {
	device *Device
	handle uintptr
}

// Mark queues one.
func (s *Stream) Mark() (*Mark, error) {
	m := &Mark{device: s.device}
	err := s.device.call("cuEventCreate", func() int32 { return s.device.cuda.eventCreate(&m.handle, 0) })
	if err == nil {
		err = s.device.call("cuEventRecord", func() int32 { return s.device.cuda.eventRecord(m.handle, s.handle) })
	}
	if err != nil {
		return nil, fmt.Errorf("mark a stream: %w", err)
	}
	return m, nil
}

// After lets what is queued from now on wait for a mark of another stream of the device.
func (s *Stream) After(m *Mark) error {
	return wrap("wait for a mark", s.device.call("cuStreamWaitEvent", func() int32 { return s.device.cuda.streamOnEvent(s.handle, m.handle, 0) }))
}

// Wait returns when the stream has come to the mark.
func (m *Mark) Wait() error {
	return wrap("wait for a mark", m.device.call("cuEventSynchronize", func() int32 { return m.device.cuda.eventWait(m.handle) }))
}

// Free forgets the mark.
func (m *Mark) Free() {
	if m == nil || m.handle == 0 {
		return
	}
	_ = m.device.call("cuEventDestroy", func() int32 { return m.device.cuda.eventDestroy(m.handle) }) // what is left goes with the context
	m.handle = 0
}

// Between is the time that the device took from one mark to the next; it waits for the second.
func Between(from, to *Mark) (time.Duration, error) {
	if err := to.Wait(); err != nil {
		return 0, err
	}
	var ms float32
	if err := to.device.call("cuEventElapsedTime", func() int32 { return to.device.cuda.eventElapsed(&ms, from.handle, to.handle) }); err != nil {
		return 0, fmt.Errorf("time between marks: %w", err)
	}
	return time.Duration(float64(ms) * float64(time.Millisecond)), nil
}

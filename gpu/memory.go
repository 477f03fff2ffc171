package gpu

import (
	"errors"
	"fmt"
	"unsafe"
)

// Buffer is memory of a device. What is in a new one is not known.
type Buffer struct {
	device *Device
	at     uint64
	bytes  int
	size   int64 // of its class
}

// At is a place in a buffer, for a kernel's argument.
type At struct {
	Buffer *Buffer
	Off    int // bytes
}

// Alloc takes memory from the budget. Errors: ErrMemory, ErrLost.
func (d *Device) Alloc(bytes int) (*Buffer, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("allocate GPU memory: %w: %d bytes", ErrSize, bytes)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &Buffer{device: d, bytes: bytes, size: class(bytes)}
	err := d.pool.room(b.size)
	if err == nil {
		b.at, err = d.place(b.size)
	}
	if err != nil {
		return nil, fmt.Errorf("allocate %d bytes of GPU memory: %w", bytes, err)
	}
	return b, nil
}

// place finds room for a size: a kept piece, new memory within the budget, or new memory after kept pieces were given back.
func (d *Device) place(size int64) (uint64, error) {
	if err := d.Lost(); err != nil {
		return 0, err
	}
	if at := d.pool.take(size); at != 0 {
		return at, nil
	}
	if err := d.release(d.pool.spare(size)); err != nil {
		return 0, err
	}
	var at uint64
	take := func() error {
		return d.call("cuMemAlloc", func() int32 { return d.cuda.memAlloc(&at, uint64(size)) })
	}
	err := take()
	if errors.Is(err, ErrMemory) && d.pool.kept > 0 { // another process took what was free
		if err = d.release(d.pool.spare(d.pool.budget)); err == nil {
			err = take()
		}
	}
	if err == nil {
		d.pool.used += size
	}
	return at, err
}

func (d *Device) release(places []uint64) error {
	for _, at := range places {
		if err := d.call("cuMemFree", func() int32 { return d.cuda.memFree(at) }); err != nil {
			return err
		}
	}
	return nil
}

// Free gives the memory back to the pool, where the next buffer of its size finds it as it is: whoever had secrets in it zeroes it
// first. Work that was queued before on its stream may still use it, if the next user's is queued on the same stream. A nil or freed
// buffer is left alone.
func (b *Buffer) Free() {
	if b == nil || b.at == 0 {
		return
	}
	d := b.device
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pool.give(b.at, b.size)
	b.at = 0
}

// Len is how many bytes were asked for.
func (b *Buffer) Len() int { return b.bytes }

// check holds a window of n bytes against the buffer.
func (b *Buffer) check(d *Device, off, n int) error {
	switch {
	case b == nil || b.at == 0:
		return fmt.Errorf("%w: a buffer that is nil or freed", ErrSize)
	case b.device != d:
		return fmt.Errorf("%w: a buffer of another device", ErrSize)
	case off < 0 || n < 0 || off > b.bytes-n:
		return fmt.Errorf("%w: %d bytes at %d of a buffer of %d", ErrSize, n, off, b.bytes)
	}
	return nil
}

// Pinned is memory of the host that the device copies from and to by itself, beside other work.
type Pinned struct {
	device *Device
	at     unsafe.Pointer
	bytes  int
}

// Pinned takes page-locked memory of the host. It is not part of the budget.
func (d *Device) Pinned(bytes int) (*Pinned, error) {
	if bytes < 1 {
		return nil, fmt.Errorf("allocate pinned memory: %w: %d bytes", ErrSize, bytes)
	}
	p := &Pinned{device: d, bytes: bytes}
	if err := d.call("cuMemHostAlloc", func() int32 { return d.cuda.hostAlloc(&p.at, uint64(bytes), 0) }); err != nil {
		return nil, fmt.Errorf("allocate %d bytes of pinned memory: %w", bytes, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pinned[uintptr(p.at)] = bytes
	return p, nil
}

// Bytes views the memory. It is gone after Free.
func (p *Pinned) Bytes() []byte { return unsafe.Slice((*byte)(p.at), p.bytes) }

// Free unlocks the memory; copies that use it have ended.
func (p *Pinned) Free() {
	if p == nil || p.at == nil {
		return
	}
	d, at := p.device, p.at
	d.mu.Lock()
	delete(d.pinned, uintptr(at))
	d.mu.Unlock()
	p.at, p.bytes = nil, 0
	// What the driver cannot free now goes with the context.
	_ = d.call("cuMemFreeHost", func() int32 { return d.cuda.hostFree(at) })
}

// locked says whether bytes lie in pinned memory of this device.
func (d *Device) locked(b []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for at, n := range d.pinned {
		if from >= at && from+uintptr(len(b)) <= at+uintptr(n) {
			return true
		}
	}
	return false
}

// Bytes views numbers as bytes, in the host's order, which is the device's.
func Bytes[T ~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(x[0])))
}

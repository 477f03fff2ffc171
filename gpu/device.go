package gpu

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Options are a device's.
type Options struct {
	// Budget is how many bytes of the device's memory this process may hold, cached ones included. 0: nine tenths of what is free when
	// it is opened.
	Budget int64
}

// Device is one GPU with a context of this process's own. It may be used by several goroutines; contexts belong to threads, so
// every call makes it current first, on a thread that is held meanwhile.
type Device struct {
	cuda *cuda
	ctx  uintptr
	info Info
	lost atomic.Pointer[lostError]

	mu     sync.Mutex
	pool   pool
	pinned map[uintptr]int // places of pinned memory and their lengths
	closed bool
}

// lostError is why a context is dead.
type lostError struct{ err error }

var errClosed = errors.New("the GPU is closed")

// Open loads the driver and opens the device with this index. Errors: ErrNone, ErrMemory, and ErrLost where a kernel's
// fault has ended CUDA for this process.
func Open(index int, o Options) (*Device, error) {
	c, err := library()
	if err != nil {
		return nil, fmt.Errorf("open GPU %d: %w", index, err)
	}
	return open(c, index, o)
}

func open(c *cuda, index int, o Options) (*Device, error) {
	info, device, err := c.inspect(index)
	if err != nil {
		return nil, fmt.Errorf("open GPU %d: %w", index, err)
	}
	if o.Budget < 0 {
		return nil, fmt.Errorf("open GPU %d: a budget of %d bytes: want 0 or more", index, o.Budget)
	}
	d := &Device{cuda: c, info: info, pinned: map[uintptr]int{}}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.opening("cuCtxCreate", c.ctxCreate(&d.ctx, 0, device)); err != nil {
		return nil, fmt.Errorf("open GPU %d: %w", index, err)
	}
	var free, total uint64
	if err := c.opening("cuMemGetInfo", c.memInfo(&free, &total)); err != nil { // the new context is current on this thread
		return nil, errors.Join(fmt.Errorf("open GPU %d: %w", index, err), d.Close())
	}
	d.pool.budget = int64(free) / 10 * 9
	if o.Budget > 0 {
		d.pool.budget = min(o.Budget, int64(free))
	}
	return d, nil
}

// Info is what the device says of itself.
func (d *Device) Info() Info { return d.info }

// Budget is how many bytes may be held, and how many buffers in use hold now.
func (d *Device) Budget() (most, used int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pool.budget, d.pool.used
}

// Lost is why nothing works here any more, or nil.
func (d *Device) Lost() error {
	if l := d.lost.Load(); l != nil {
		return l.err
	}
	return nil
}

// Close frees everything that was made on the device. Nothing of it may be used afterwards.
func (d *Device) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	err := d.cuda.result("cuCtxDestroy", d.cuda.ctxDestroy(d.ctx))
	if d.Lost() != nil {
		err = nil // a dead context need not die well
	}
	d.lost.CompareAndSwap(nil, &lostError{errClosed})
	if err != nil {
		return fmt.Errorf("close GPU %d: %w", d.info.Index, err)
	}
	return nil
}

// call is one call of the driver in this device's context. An error that means the end of the context is remembered, and what comes
// after it is not asked any more.
func (d *Device) call(name string, do func() int32) error {
	if err := d.Lost(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := d.cuda.result("cuCtxSetCurrent", d.cuda.ctxSetCurrent(d.ctx))
	if err == nil {
		err = d.cuda.result(name, do())
	}
	if errors.Is(err, ErrLost) {
		d.lost.CompareAndSwap(nil, &lostError{err})
	}
	return err
}

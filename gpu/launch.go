package gpu

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"unsafe"

	"github.com/cinesync/cinesync/gpu/kernels"
)

// Module is a kernel file on a device, compiled for it by the driver, which keeps the result for the next start.
type Module struct {
	device *Device
	handle uintptr
	file   kernels.File
}

// Function is a kernel.
type Function struct {
	module *Module
	handle uintptr
	name   string
}

// Options of the driver's compiler (CUjit_option).
const (
	jitErrorLog     = 5
	jitErrorLogSize = 6
)

// jitLog is what the options come with, a word each and in their order: where the compiler's words go, and how many bytes there are. The
// place is a pointer and no number, so that the log is where stacks that grow do not move it.
type jitLog struct {
	at    *byte
	bytes uintptr
}

// Load compiles a kernel file for the device.
func (d *Device) Load(f kernels.File) (*Module, error) {
	text, err := f.PTX()
	if err != nil {
		return nil, fmt.Errorf("load kernels: %w", err)
	}
	image := append([]byte(text), 0)
	log := make([]byte, 8<<10)
	m := &Module{device: d, file: f}
	names, values := []int32{jitErrorLog, jitErrorLogSize}, &jitLog{&log[0], uintptr(len(log))}
	err = d.call("cuModuleLoadDataEx", func() int32 {
		return d.cuda.moduleLoad(&m.handle, unsafe.Pointer(&image[0]), uint32(len(names)), &names[0], values)
	})
	runtime.KeepAlive(values)
	if err != nil {
		if said := strings.TrimSpace(upToZero(log[:1000])); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, fmt.Errorf("load kernels %s: %w", f, err)
	}
	return m, nil
}

// Unload frees the kernels; none of them runs any more.
func (m *Module) Unload() error {
	return wrap("unload kernels", m.device.call("cuModuleUnload", func() int32 { return m.device.cuda.moduleUnload(m.handle) }))
}

// Function finds a kernel by its entry point.
func (m *Module) Function(name string) (*Function, error) {
	f := &Function{module: m, name: name}
	if err := m.device.call("cuModuleGetFunction", func() int32 { return m.device.cuda.function(&f.handle, m.handle, name) }); err != nil {
		return nil, fmt.Errorf("find kernel %s in %s: %w", name, m.file, err)
	}
	return f, nil
}

// Shared lets launches ask for so many bytes of dynamic shared memory, beyond the 48 KiB that need no word.
func (f *Function) Shared(bytes int) error {
	const mostDynamicShared = 8 // CUfunction_attribute
	d := f.module.device
	if bytes < 0 || bytes > d.info.Shared {
		return fmt.Errorf("kernel %s: %w: %d bytes of shared memory, %s has %d a block", f.name, ErrSize, bytes, d.info.Name, d.info.Shared)
	}
	if err := d.call("cuFuncSetAttribute", func() int32 { return d.cuda.setFunction(f.handle, mostDynamicShared, int32(bytes)) }); err != nil {
		return fmt.Errorf("kernel %s: %d bytes of shared memory: %w", f.name, bytes, err)
	}
	return nil
}

// Dim is a number of blocks or of threads. Zero stands for one.
type Dim struct{ X, Y, Z int }

func (m Dim) full() Dim { return Dim{max(m.X, 1), max(m.Y, 1), max(m.Z, 1)} }

// The limits of a launch on every GPU that will do (CUDA C++ programming guide, compute capabilities).
const (
	maxThreads = 1024
	maxBlockZ  = 64
	maxGridX   = math.MaxInt32
	maxGridYZ  = 65535
)

func checkLaunch(d *Device, grid, block Dim, shared int) error {
	switch {
	case block.X > maxThreads || block.Y > maxThreads || block.Z > maxBlockZ || block.X*block.Y*block.Z > maxThreads:
		return fmt.Errorf("%w: a block of %d × %d × %d threads, at most 1024", ErrSize, block.X, block.Y, block.Z)
	case grid.X > maxGridX || grid.Y > maxGridYZ || grid.Z > maxGridYZ:
		return fmt.Errorf("%w: a grid of %d × %d × %d blocks", ErrSize, grid.X, grid.Y, grid.Z)
	case shared < 0 || shared > d.info.Shared:
		return fmt.Errorf("%w: %d bytes of shared memory, at most %d", ErrSize, shared, d.info.Shared)
	}
	return nil
}

// Launch queues a kernel. shared is dynamic shared memory in bytes. Arguments are *Buffer, At, int32, uint32, int64, uint64 or float32,
// in the kernel's order; it is the caller who knows that they are the kernel's.
func (s *Stream) Launch(f *Function, grid, block Dim, shared int, args ...any) error {
	grid, block = grid.full(), block.full()
	d := s.device
	err := checkLaunch(d, grid, block, shared)
	if err == nil && f.module.device != d {
		err = fmt.Errorf("%w: a kernel of another device", ErrSize)
	}
	values, places := make([]uint64, len(args)+1), make([]unsafe.Pointer, len(args)+1)
	for i, a := range args {
		if err == nil {
			values[i], err = d.argument(a)
		}
		places[i] = unsafe.Pointer(&values[i])
	}
	if err == nil {
		err = d.call("cuLaunchKernel", func() int32 {
			return d.cuda.launch(f.handle, uint32(grid.X), uint32(grid.Y), uint32(grid.Z), uint32(block.X), uint32(block.Y), uint32(block.Z),
				uint32(shared), s.handle, &places[0], nil)
		})
	}
	if err != nil {
		return fmt.Errorf("launch kernel %s: %w", f.name, err)
	}
	return nil
}

// argument is a kernel's argument in the first bytes of a word, in the order of a little-endian host, as all hosts of GPUs are.
func (d *Device) argument(a any) (uint64, error) {
	switch a := a.(type) {
	case *Buffer:
		return d.pointer(a, 0)
	case At:
		return d.pointer(a.Buffer, a.Off)
	case int32:
		return uint64(uint32(a)), nil
	case uint32:
		return uint64(a), nil
	case int64:
		return uint64(a), nil
	case uint64:
		return a, nil
	case float32:
		return uint64(math.Float32bits(a)), nil
	}
	return 0, fmt.Errorf("%w: an argument of type %T", ErrSize, a)
}

func (d *Device) pointer(b *Buffer, off int) (uint64, error) {
	if err := b.check(d, off, 0); err != nil {
		return 0, err
	}
	return b.at + uint64(off), nil
}

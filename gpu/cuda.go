package gpu

import (
	"bytes"
	"fmt"
	"unsafe"
)

// cuda is the part of CUDA's driver API that is used here, by the names of cuda.h without their prefix. Handles are pointers of the
// driver's own and travel as uintptr. Tests put functions of their own in.
type cuda struct {
	init          func(flags uint32) int32
	driverVersion func(version *int32) int32
	deviceCount   func(n *int32) int32
	deviceGet     func(device *int32, ordinal int32) int32
	deviceName    func(name *byte, size int32, device int32) int32
	deviceMemory  func(bytes *uint64, device int32) int32
	attribute     func(value *int32, attribute int32, device int32) int32

	ctxCreate     func(ctx *uintptr, flags uint32, device int32) int32
	ctxDestroy    func(ctx uintptr) int32
	ctxSetCurrent func(ctx uintptr) int32

	memInfo   func(free, total *uint64) int32
	memAlloc  func(at *uint64, bytes uint64) int32
	memFree   func(at uint64) int32
	hostAlloc func(at *unsafe.Pointer, bytes uint64, flags uint32) int32
	hostFree  func(at unsafe.Pointer) int32
	upload    func(dst uint64, src unsafe.Pointer, bytes uint64, stream uintptr) int32
	download  func(dst unsafe.Pointer, src uint64, bytes uint64, stream uintptr) int32
	copy      func(dst, src uint64, bytes uint64, stream uintptr) int32
	set       func(dst uint64, value uint8, bytes uint64, stream uintptr) int32

	streamCreate  func(stream *uintptr, flags uint32) int32
	streamDestroy func(stream uintptr) int32
	streamWait    func(stream uintptr) int32
	eventCreate   func(event *uintptr, flags uint32) int32
	eventDestroy  func(event uintptr) int32
	eventRecord   func(event, stream uintptr) int32
	eventWait     func(event uintptr) int32
	eventElapsed  func(ms *float32, from, to uintptr) int32
	streamOnEvent func(stream, event uintptr, flags uint32) int32

	moduleLoad   func(module *uintptr, image unsafe.Pointer, options uint32, names *int32, values *jitLog) int32
	moduleUnload func(module uintptr) int32
	function     func(f *uintptr, module uintptr, name string) int32
	setFunction  func(f uintptr, attribute, value int32) int32
	launch       func(f uintptr, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, params, extra *unsafe.Pointer) int32

	getErrorName   func(code int32, text **byte) int32
	getErrorString func(code int32, text **byte) int32
}

// symbols are where each function is found.
func (c *cuda) symbols() []symbol {
	return []symbol{
		{"cuInit", &c.init}, {"cuDriverGetVersion", &c.driverVersion}, {"cuDeviceGetCount", &c.deviceCount}, {"cuDeviceGet", &c.deviceGet},
		{"cuDeviceGetName", &c.deviceName}, {"cuDeviceTotalMem_v2", &c.deviceMemory}, {"cuDeviceGetAttribute", &c.attribute},
		{"cuCtxCreate_v2", &c.ctxCreate}, {"cuCtxDestroy_v2", &c.ctxDestroy}, {"cuCtxSetCurrent", &c.ctxSetCurrent},
		{"cuMemGetInfo_v2", &c.memInfo}, {"cuMemAlloc_v2", &c.memAlloc}, {"cuMemFree_v2", &c.memFree},
		{"cuMemHostAlloc", &c.hostAlloc}, {"cuMemFreeHost", &c.hostFree}, {"cuMemcpyHtoDAsync_v2", &c.upload},
		{"cuMemcpyDtoHAsync_v2", &c.download}, {"cuMemcpyDtoDAsync_v2", &c.copy}, {"cuMemsetD8Async", &c.set},
		{"cuStreamCreate", &c.streamCreate}, {"cuStreamDestroy_v2", &c.streamDestroy}, {"cuStreamSynchronize", &c.streamWait},
		{"cuEventCreate", &c.eventCreate}, {"cuEventDestroy_v2", &c.eventDestroy}, {"cuEventRecord", &c.eventRecord},
		{"cuEventSynchronize", &c.eventWait}, {"cuEventElapsedTime", &c.eventElapsed}, {"cuStreamWaitEvent", &c.streamOnEvent},
		{"cuModuleLoadDataEx", &c.moduleLoad}, {"cuModuleUnload", &c.moduleUnload}, {"cuModuleGetFunction", &c.function},
		{"cuFuncSetAttribute", &c.setFunction}, {"cuLaunchKernel", &c.launch},
		{"cuGetErrorName", &c.getErrorName}, {"cuGetErrorString", &c.getErrorString},
	}
}

type symbol struct {
	name string
	at   any // pointer to a func
}

// text asks for the driver's words about a result; "" where it has none.
func (c *cuda) text(ask func(int32, **byte) int32, code int32) string {
	var p *byte
	if ask == nil || ask(code, &p) != cudaSuccess || p == nil {
		return ""
	}
	return cString(p)
}

// cString reads a C string of the driver's, at most 1 KiB.
func cString(p *byte) string {
	var b []byte
	for at := unsafe.Pointer(p); len(b) < 1<<10 && *(*byte)(at) != 0; at = unsafe.Add(at, 1) {
		b = append(b, *(*byte)(at))
	}
	return string(b)
}

// upToZero is the text in memory of our own that C wrote to.
func upToZero(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}

// The oldest that will do: PTX 7.0 for sm_80.
const (
	oldestDriver  = 11000 // CUDA 11.0
	oldestCompute = 80    // Ampere
)

// start readies a driver that is loaded.
func (c *cuda) start() error {
	if err := c.opening("cuInit", c.init(0)); err != nil {
		return fmt.Errorf("start the CUDA driver: %w", err)
	}
	var version int32
	if err := c.opening("cuDriverGetVersion", c.driverVersion(&version)); err != nil {
		return fmt.Errorf("start the CUDA driver: %w", err)
	}
	if version < oldestDriver {
		return fmt.Errorf("%w: its driver is for CUDA %d.%d, the kernels need 11.0 or newer: update the driver", ErrNone, version/1000, version%1000/10)
	}
	return nil
}

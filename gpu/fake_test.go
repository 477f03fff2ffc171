package gpu

import (
	"fmt"
	"sync"
	"unsafe"
)

// fake is a driver in Go: memory is real, kernels are not. What is set in codes is what the calls of that name answer.
type fake struct {
	mu      sync.Mutex
	version int32
	devices int32
	compute int32
	free    uint64
	codes   map[string]int32
	calls   []string
	held    map[uint64][]byte // allocations by address
	pinned  map[unsafe.Pointer][]byte
	current uintptr // context of the last thread that asked: tests with a fake run on one
	params  []uint64
	nargs   int
}

func newFake() *fake {
	return &fake{version: 12040, devices: 1, compute: 90, free: 1 << 24, codes: map[string]int32{}, held: map[uint64][]byte{}, pinned: map[unsafe.Pointer][]byte{}}
}

func (f *fake) say(call string) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	return f.codes[call]
}

func (f *fake) count(call string) (n int) {
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n
}

// bytes finds device memory.
func (f *fake) bytes(at, n uint64) []byte {
	for base, b := range f.held {
		if at >= base && at+n <= base+uint64(len(b)) {
			return b[at-base : at-base+n]
		}
	}
	panic(fmt.Sprintf("no device memory of %d bytes at %x", n, at))
}

func (f *fake) alloc(at *uint64, n uint64) int32 {
	if code := f.say("alloc"); code != 0 {
		return code
	}
	var used uint64
	for _, b := range f.held {
		used += uint64(len(b))
	}
	if used+n > f.free {
		return cudaOutOfMemory
	}
	b := make([]byte, n)
	*at = uint64(uintptr(unsafe.Pointer(&b[0])))
	f.held[*at] = b
	return 0
}

// driver is the fake behind the driver's functions.
func (f *fake) driver() *cuda {
	handle := func(name string) func(*uintptr, uint32) int32 {
		return func(h *uintptr, _ uint32) int32 { *h = 7; return f.say(name) }
	}
	one := func(name string) func(uintptr) int32 { return func(uintptr) int32 { return f.say(name) } }
	return &cuda{
		init:          func(uint32) int32 { return f.say("init") },
		driverVersion: func(v *int32) int32 { *v = f.version; return f.say("version") },
		deviceCount:   func(n *int32) int32 { *n = f.devices; return f.say("count") },
		deviceGet:     func(d *int32, i int32) int32 { *d = i; return f.say("get") },
		deviceName:    func(p *byte, n int32, _ int32) int32 { copy(unsafe.Slice(p, n), "Fake GPU\x00"); return f.say("name") },
		deviceMemory:  func(n *uint64, _ int32) int32 { *n = f.free; return f.say("memory") },
		attribute: func(v *int32, a int32, _ int32) int32 {
			*v = map[int32]int32{attributeMajor: f.compute / 10, attributeMinor: f.compute % 10, attributeShared: 232448, attributeProcessors: 4}[a]
			return f.say("attribute")
		},
		ctxCreate:     func(c *uintptr, _ uint32, _ int32) int32 { *c = 5; return f.say("ctxCreate") },
		ctxDestroy:    one("ctxDestroy"),
		ctxSetCurrent: func(c uintptr) int32 { f.current = c; return f.say("ctxSetCurrent") },
		memInfo:       func(free, total *uint64) int32 { *free, *total = f.free, f.free; return f.say("memInfo") },
		memAlloc:      f.alloc,
		memFree:       func(at uint64) int32 { delete(f.held, at); return f.say("memFree") },
		hostAlloc: func(at *unsafe.Pointer, n uint64, _ uint32) int32 {
			b := make([]byte, n)
			*at = unsafe.Pointer(&b[0])
			f.pinned[*at] = b
			return f.say("hostAlloc")
		},
		hostFree: func(at unsafe.Pointer) int32 { delete(f.pinned, at); return f.say("hostFree") },
		upload: func(dst uint64, src unsafe.Pointer, n uint64, _ uintptr) int32 {
			copy(f.bytes(dst, n), unsafe.Slice((*byte)(src), n))
			return f.say("upload")
		},
		download: func(dst unsafe.Pointer, src, n uint64, _ uintptr) int32 {
			copy(unsafe.Slice((*byte)(dst), n), f.bytes(src, n))
			return f.say("download")
		},
		copy: func(dst, src, n uint64, _ uintptr) int32 {
			copy(f.bytes(dst, n), f.bytes(src, n))
			return f.say("copy")
		},
		set: func(dst uint64, v uint8, n uint64, _ uintptr) int32 {
			b := f.bytes(dst, n)
			for i := range b {
				b[i] = v
			}
			return f.say("set")
		},
		streamCreate: handle("streamCreate"), streamDestroy: one("streamDestroy"), streamWait: one("streamWait"),
		eventCreate: handle("eventCreate"), eventDestroy: one("eventDestroy"), eventWait: one("eventWait"),
		eventRecord:   func(_, _ uintptr) int32 { return f.say("eventRecord") },
		eventElapsed:  func(ms *float32, _, _ uintptr) int32 { *ms = 1.5; return f.say("eventElapsed") },
		streamOnEvent: func(_, _ uintptr, _ uint32) int32 { return f.say("streamOnEvent") },
		moduleLoad: func(m *uintptr, _ unsafe.Pointer, _ uint32, _ *int32, values *jitLog) int32 {
			if f.codes["moduleLoad"] != 0 {
				copy(unsafe.Slice(values.at, 64), "ptxas: line 7 is wrong\x00")
			}
			*m = 9
			return f.say("moduleLoad")
		},
		moduleUnload: one("moduleUnload"),
		function:     func(h *uintptr, _ uintptr, _ string) int32 { *h = 11; return f.say("function") },
		setFunction:  func(uintptr, int32, int32) int32 { return f.say("setFunction") },
		launch: func(_ uintptr, _, _, _, _, _, _, _ uint32, _ uintptr, params, _ *unsafe.Pointer) int32 {
			f.params = f.params[:0]
			for _, p := range unsafe.Slice(params, f.nargs) {
				f.params = append(f.params, *(*uint64)(p))
			}
			return f.say("launch")
		},
		getErrorName: func(code int32, p **byte) int32 {
			b := append([]byte(map[int32]string{2: "CUDA_ERROR_OUT_OF_MEMORY", 700: "CUDA_ERROR_ILLEGAL_ADDRESS", 1: "CUDA_ERROR_INVALID_VALUE"}[code]), 0)
			*p = &b[0]
			return 0
		},
		getErrorString: func(code int32, p **byte) int32 {
			b := append(fmt.Appendf(nil, "words for %d", code), 0)
			*p = &b[0]
			return 0
		},
	}
}

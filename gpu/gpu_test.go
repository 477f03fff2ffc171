package gpu

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/gpu/kernels"
)

func opened(t testing.TB, f *fake, o Options) *Device {
	t.Helper()
	d, err := open(f.driver(), 0, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fake)
		index  int
		is     error
		say    string
	}{
		{"no device", func(f *fake) { f.devices = 0 }, 0, ErrNone, "the driver sees none"},
		{"no driver behind the library", func(f *fake) { f.codes["init"] = cudaNoDevice }, 0, ErrNone, "cuInit"},
		{"old driver", func(f *fake) { f.version = 10020 }, 0, ErrNone, "CUDA 10.2, the kernels need 11.0"},
		{"old device", func(f *fake) { f.compute = 75 }, 0, ErrNone, "Fake GPU has compute capability 7.5"},
		{"no such index", func(*fake) {}, 1, ErrNone, "index 1: there are 1"},
		{"negative index", func(*fake) {}, -1, ErrNone, "index -1"},
		{"no room for a context", func(f *fake) { f.codes["ctxCreate"] = cudaOutOfMemory }, 0, ErrMemory, "cuCtxCreate: CUDA_ERROR_OUT_OF_MEMORY (2): words for 2"},
		{"no answer about memory", func(f *fake) { f.codes["memInfo"] = 1 }, 0, ErrNone, "cuMemGetInfo: CUDA_ERROR_INVALID_VALUE (1)"},
		{"taken", func(f *fake) { f.codes["ctxCreate"] = 46 }, 0, ErrNone, "another process has this GPU to itself"},
		{"taken, in the driver's words", func(f *fake) { f.codes["ctxCreate"] = 46 }, 0, ErrNone, "cuCtxCreate: unknown CUDA error (46): words for 46"},
		{"taken a moment later", func(f *fake) { f.codes["memInfo"] = 46 }, 0, ErrNone, "another process has this GPU to itself"},
		{"not initialised", func(f *fake) { f.codes["init"] = 3 }, 0, ErrNone, "start the CUDA driver: no usable GPU: cuInit: unknown CUDA error (3): words for 3"},
		{"a stub of a driver", func(f *fake) { f.codes["init"] = 34 }, 0, ErrNone, "words for 34"},
		{"system not ready", func(f *fake) { f.codes["init"] = 802 }, 0, ErrNone, "words for 802"},
		{"driver and kernel module differ", func(f *fake) { f.codes["init"] = 803 }, 0, ErrNone, "words for 803"},
		{"unknown from the driver", func(f *fake) { f.codes["init"] = 999 }, 0, ErrNone, "words for 999"},
		{"unknown from the device", func(f *fake) { f.codes["ctxCreate"] = 999 }, 0, ErrNone, "words for 999"},
		{"no version", func(f *fake) { f.codes["version"] = 999 }, 0, ErrNone, "cuDriverGetVersion"},
		{"no count", func(f *fake) { f.codes["count"] = 3 }, 0, ErrNone, "cuDeviceGetCount"},
		{"no answer about itself", func(f *fake) { f.codes["attribute"] = 101 }, 0, ErrNone, "ask GPU 0 about itself: no usable GPU: cuDeviceGetAttribute"},
		{"memory that fails", func(f *fake) { f.codes["ctxCreate"] = 214 }, 0, ErrNone, "words for 214"},
		{"after a fault", func(f *fake) { f.codes["ctxCreate"] = 700 }, 0, ErrLost, "cuCtxCreate: CUDA_ERROR_ILLEGAL_ADDRESS (700)"},
		{"after the end", func(f *fake) { f.codes["init"] = 4 }, 0, ErrLost, "words for 4"},
	} {
		f := newFake()
		c.change(f)
		_, err := open(f.driver(), c.index, Options{})
		if err == nil || !errors.Is(err, c.is) || errors.Is(err, ErrLost) != (c.is == ErrLost) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := open(newFake().driver(), 0, Options{Budget: -1}); err == nil || !strings.Contains(err.Error(), "budget of -1") {
		t.Errorf("a negative budget: %v", err)
	}
}

func TestInfo(t *testing.T) {
	d := opened(t, newFake(), Options{})
	want := Info{Name: "Fake GPU", Major: 9, Compute: "9.0", Driver: "12.4", Processors: 4, Memory: 1 << 24, Shared: 232448}
	if d.Info() != want {
		t.Errorf("got %+v", d.Info())
	}
}

// TestMemoryStaysInTheBudget: whatever is taken and given back, buffers and kept pieces together stay below the budget, and a buffer
// that fits it is given.
func TestMemoryStaysInTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFake()
		const budget = 1 << 20
		d, err := open(f.driver(), 0, Options{Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		var held []*Buffer
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(held) > 0 && rapid.Bool().Draw(t, "free") {
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				held[i].Free()
				held[i].Free() // nothing more
				held = slices.Delete(held, i, i+1)
			} else {
				n := rapid.IntRange(0, budget/4).Draw(t, "bytes")
				most, used := d.Budget()
				b, err := d.Alloc(n)
				if fits := used+class(n) <= most; fits != (err == nil) || err != nil && !errors.Is(err, ErrMemory) {
					t.Fatalf("%d bytes with %d of %d in use: %v", n, used, most, err)
				}
				if err == nil {
					held = append(held, b)
				}
			}
			total := 0
			for _, b := range f.held {
				total += len(b)
			}
			if total > budget {
				t.Fatalf("%d bytes are held of a budget of %d", total, budget)
			}
		}
	})
}

func TestClassesWasteLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1<<33).Draw(t, "bytes")
		if c := class(n); c < int64(n) || c%256 != 0 || c > int64(n)+int64(n)/7+256 {
			t.Fatalf("%d bytes take %d", n, c)
		}
	})
}

func TestAFreedBufferIsUsedAgain(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	a, err := d.Alloc(1000)
	if err != nil {
		t.Fatal(err)
	}
	at := a.at
	a.Free()
	b, err := d.Alloc(999)
	if err != nil || b.at != at || f.count("alloc") != 1 {
		t.Errorf("%x after %x, %d allocations, %v", b.at, at, f.count("alloc"), err)
	}
}

func TestCopies(t *testing.T) {
	d := opened(t, newFake(), Options{})
	s, err := d.Stream()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := d.Alloc(16)
	b, _ := d.Alloc(16)
	x := []uint32{1, 2, 3, 4}
	out := make([]uint32, 4)
	for _, step := range []error{s.Upload(a, 0, Bytes(x)), s.Fill(b, 0, 16, 0xff), s.Copy(b, 4, a, 8, 8), s.Zero(b, 0, 2), s.Download(Bytes(out), b, 0), s.Wait()} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if !slices.Equal(out, []uint32{0xffff0000, 3, 4, 0xffffffff}) {
		t.Errorf("got %x", out)
	}
}

func TestSizesAreCheckedBeforeTheDriverIsAsked(t *testing.T) {
	f := newFake()
	d, other := opened(t, f, Options{}), opened(t, newFake(), Options{})
	s, _ := d.Stream()
	b, _ := d.Alloc(10)
	theirs, _ := other.Alloc(10)
	freed, _ := d.Alloc(10)
	freed.Free()
	m, err := d.Load(kernels.Probe)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := m.Function("k")
	f.calls = nil
	for name, err := range map[string]error{
		"upload past the end":  s.Upload(b, 4, make([]byte, 7)),
		"negative offset":      s.Upload(b, -1, make([]byte, 1)),
		"download past":        s.Download(make([]byte, 11), b, 0),
		"zero past":            s.Zero(b, 10, 1),
		"offset overflows":     s.Zero(b, math.MaxInt, 2),
		"copy past":            s.Copy(b, 0, b, 5, 6),
		"nil buffer":           s.Zero(nil, 0, 1),
		"freed buffer":         s.Zero(freed, 0, 1),
		"another device":       s.Zero(theirs, 0, 1),
		"block too large":      s.Launch(k, Dim{X: 1}, Dim{X: 1025}, 0),
		"block too large in 3": s.Launch(k, Dim{X: 1}, Dim{X: 32, Y: 32, Z: 2}, 0),
		"grid too large":       s.Launch(k, Dim{X: 1, Y: 65536}, Dim{X: 1}, 0),
		"shared too large":     s.Launch(k, Dim{X: 1}, Dim{X: 1}, 232449),
		"argument of no type":  s.Launch(k, Dim{X: 1}, Dim{X: 1}, 0, 1),
		"argument past":        s.Launch(k, Dim{X: 1}, Dim{X: 1}, 0, At{b, 11}),
		"more shared":          k.Shared(232449),
	} {
		if !errors.Is(err, ErrSize) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Alloc(-1); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
	if _, err := d.Pinned(0); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
	if len(f.calls) != 0 {
		t.Errorf("the driver was asked: %v", f.calls)
	}
}

func TestArguments(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	s, _ := d.Stream()
	b, _ := d.Alloc(16)
	m, _ := d.Load(kernels.Probe)
	k, _ := m.Function("k")
	f.nargs = 7
	if err := s.Launch(k, Dim{}, Dim{}, 0, b, At{b, 8}, int32(-1), uint32(2), int64(-3), uint64(4), float32(1)); err != nil {
		t.Fatal(err)
	}
	if want := []uint64{b.at, b.at + 8, 0xffffffff, 2, math.MaxUint64 - 2, 4, 0x3f800000}; !slices.Equal(f.params, want) {
		t.Errorf("got %x, want %x", f.params, want)
	}
}

// TestALostContextIsNotAskedAgain: after a kernel's fault everything fails with the first error, whoever asks.
func TestALostContextIsNotAskedAgain(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	s, _ := d.Stream()
	b, _ := d.Alloc(4)
	f.codes["streamWait"] = 700
	err := s.Wait()
	if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (700): words for 700") {
		t.Fatal(err)
	}
	f.codes, f.calls = map[string]int32{}, nil
	if _, err := d.Alloc(4); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	for _, err := range []error{s.Zero(b, 0, 4), s.Wait(), d.Lost()} {
		if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "cuStreamSynchronize") {
			t.Error(err)
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("the driver was asked: %v", f.calls)
	}
	f.codes["ctxDestroy"] = 700
	if err := d.Close(); err != nil {
		t.Errorf("close what is lost: %v", err)
	}
}

func TestAFailureThatPassesIsNotTheEnd(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	s, _ := d.Stream()
	b, _ := d.Alloc(4)
	f.codes["set"] = 1
	if err := s.Zero(b, 0, 4); err == nil || errors.Is(err, ErrLost) || errors.Is(err, ErrMemory) {
		t.Error(err)
	}
	f.codes = map[string]int32{}
	if err := s.Zero(b, 0, 4); err != nil {
		t.Error(err)
	}
}

// TestADeviceThatGoesIsLost: what is no GPU before there is a context is a lost one afterwards.
func TestADeviceThatGoesIsLost(t *testing.T) {
	for _, code := range []int32{4, 46, 201, 214, 220, 700, 719, 999} {
		f := newFake()
		d := opened(t, f, Options{})
		f.codes["streamCreate"] = code
		if _, err := d.Stream(); !errors.Is(err, ErrLost) || errors.Is(err, ErrNone) || d.Lost() == nil {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// TestMemoryThatAnotherProcessTook: the budget has room, the device has not; kept pieces are given back first.
func TestMemoryThatAnotherProcessTook(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	a, err := d.Alloc(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	a.Free()
	f.free = 1<<20 + 1<<19
	if _, err := d.Alloc(1 << 19 * 2 / 3 * 3); err != nil { // another class than what is kept
		t.Error(err)
	}
	if _, err := d.Alloc(3 << 19); !errors.Is(err, ErrMemory) {
		t.Error(err)
	}
}

func TestCompilersWordsAreInTheError(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	f.codes["moduleLoad"] = 1
	if _, err := d.Load(kernels.Probe); err == nil || !strings.Contains(err.Error(), "load kernels probe: ") || !strings.Contains(err.Error(), "line 7 is wrong") {
		t.Error(err)
	}
	if _, err := d.Load("nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Error(err)
	}
}

// TestCompilersWordsComeWhereverTheStackIs: the driver writes by an address that it was given before, and calls on the way to it move
// a goroutine's stack.
func TestCompilersWordsComeWhereverTheStackIs(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	f.codes["moduleLoad"] = 1
	write := d.cuda.moduleLoad
	d.cuda.moduleLoad = func(m *uintptr, image unsafe.Pointer, n uint32, names *int32, values *jitLog) int32 {
		deep(1 << 12)
		return write(m, image, n, names, values)
	}
	said := make(chan error)
	go func() { // its stack is small yet
		_, err := d.Load(kernels.Probe)
		said <- err
	}()
	if err := <-said; err == nil || !strings.Contains(err.Error(), "line 7 is wrong") {
		t.Error(err)
	}
}

// deep uses some hundred bytes of stack a level.
//
//go:noinline
func deep(levels int) (sum byte) {
	var frame [256]byte
	frame[levels%len(frame)] = 1
	if levels > 0 {
		sum = deep(levels - 1)
	}
	for _, b := range frame {
		sum += b
	}
	return sum
}

func TestPinned(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	s, _ := d.Stream()
	b, _ := d.Alloc(64)
	p, err := d.Pinned(64)
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Bytes(), bytes.Repeat([]byte{3}, 64))
	f.calls = nil
	out := make([]byte, 64)
	for _, err := range []error{s.Upload(b, 0, p.Bytes()), s.Download(p.Bytes()[1:9], b, 0)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if f.count("streamWait") != 0 {
		t.Error("a copy to pinned memory waited")
	}
	if err := s.Download(out, b, 0); err != nil || f.count("streamWait") != 1 || out[63] != 3 {
		t.Errorf("a copy to other memory did not wait: %v %v", f.calls, err)
	}
	p.Free()
	p.Free()
	if len(f.pinned) != 0 || len(d.pinned) != 0 {
		t.Error("pinned memory is left")
	}
}

func TestMarks(t *testing.T) {
	d := opened(t, newFake(), Options{})
	s, _ := d.Stream()
	a, err := s.Mark()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := s.Mark()
	if took, err := Between(a, b); err != nil || took.Microseconds() != 1500 {
		t.Errorf("%v %v", took, err)
	}
	if err := s.After(a); err != nil {
		t.Error(err)
	}
	a.Free()
	a.Free()
}

func TestCloseIsTheEnd(t *testing.T) {
	f := newFake()
	d := opened(t, f, Options{})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stream(); !errors.Is(err, errClosed) {
		t.Error(err)
	}
	if err := d.Close(); err != nil || f.count("ctxDestroy") != 1 {
		t.Error("closed twice", err)
	}
}

func TestCountWithoutADriver(t *testing.T) {
	if n, err := Count(); err != nil && !errors.Is(err, ErrNone) || err == nil && n < 1 {
		t.Errorf("%d %v", n, err)
	}
}

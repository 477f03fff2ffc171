package gpu_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/kernels"
)

func probe(t testing.TB, d *gpu.Device, name string) *gpu.Function {
	t.Helper()
	m, err := d.Load(kernels.Probe)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestGoroutinesShareADevice: contexts belong to threads, and goroutines wander.
func TestGoroutinesShareADevice(t *testing.T) {
	d := gputest.Open(t)
	f := probe(t, d, "probe_add")
	var group sync.WaitGroup
	for g := range 16 {
		group.Go(func() {
			s, err := d.Stream()
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 20 {
				x := make([]uint32, 1000+g)
				for i := range x {
					x[i] = uint32(i * g)
				}
				b, err := d.Alloc(4 * len(x))
				if err != nil {
					t.Error(err)
					return
				}
				got := make([]uint32, len(x))
				err = errors.Join(s.Upload(b, 0, gpu.Bytes(x)), s.Launch(f, gpu.Dim{X: (len(x) + 255) / 256}, gpu.Dim{X: 256}, 0, b, b, uint32(n), uint64(len(x))),
					s.Download(gpu.Bytes(got), b, 0), s.Wait())
				b.Free()
				for i := range got {
					if got[i] != x[i]+uint32(n) {
						t.Errorf("word %d is %d, want %d (%v)", i, got[i], x[i]+uint32(n), err)
						return
					}
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestEveryKindOfArgumentArrives(t *testing.T) {
	d := gputest.Open(t)
	s := gputest.Stream(t, d)
	b, err := d.Alloc(48)
	must(t, err)
	got := make([]uint64, 5)
	must(t, s.Launch(probe(t, d, "probe_arguments"), gpu.Dim{}, gpu.Dim{}, 0, gpu.At{Buffer: b, Off: 8}, int32(-2), uint32(3), int64(-4), uint64(5), float32(6)),
		s.Download(gpu.Bytes(got), b, 8))
	if want := []uint64{math.MaxUint64 - 1, 3, math.MaxUint64 - 3, 5, uint64(math.Float32bits(6))}; !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestAFaultEndsTheDevice: a kernel that writes where nothing is takes CUDA in its process with it, so that it is done in another one.
func TestAFaultEndsTheDevice(t *testing.T) {
	if !gputest.Apart(t) {
		return
	}
	d, other := gputest.Open(t), gputest.Open(t)
	s := gputest.Stream(t, d)
	err := s.Launch(probe(t, d, "probe_fault"), gpu.Dim{}, gpu.Dim{}, 0)
	if err == nil {
		err = s.Wait()
	}
	if !errors.Is(err, gpu.ErrLost) || !strings.Contains(err.Error(), "CUDA_ERROR_ILLEGAL_ADDRESS") {
		t.Fatalf("got %v", err)
	}
	for _, d := range []*gpu.Device{d, other} {
		if _, err := d.Alloc(10); !errors.Is(err, gpu.ErrLost) {
			t.Errorf("after the fault: %v", err)
		}
	}
	if _, err := gpu.Open(0, gpu.Options{}); !errors.Is(err, gpu.ErrLost) {
		t.Errorf("opened again after the fault: %v", err)
	}
}

func TestSharedMemoryBeyond48K(t *testing.T) {
	d := gputest.Open(t)
	s, f := gputest.Stream(t, d), probe(t, d, "probe_shared")
	must(t, f.Shared(d.Info().Shared))
	x := make([]uint32, 256)
	for i := range x {
		x[i] = uint32(i)
	}
	b, err := d.Alloc(4 * len(x))
	must(t, err)
	must(t, s.Upload(b, 0, gpu.Bytes(x)), s.Launch(f, gpu.Dim{X: 4}, gpu.Dim{X: 64}, d.Info().Shared, b), s.Download(gpu.Bytes(x), b, 0))
	for i, v := range x {
		if want := uint32(i/64*64 + 63 - i%64); v != want {
			t.Fatalf("word %d is %d, want %d", i, v, want)
		}
	}
}

func TestMarksMeasure(t *testing.T) {
	d := gputest.Open(t)
	s := gputest.Stream(t, d)
	b, err := d.Alloc(1 << 28)
	must(t, err)
	from, err := s.Mark()
	must(t, err)
	must(t, s.Zero(b, 0, 1<<28))
	to, err := s.Mark()
	must(t, err)
	took, err := gpu.Between(from, to)
	if err != nil || took <= 0 {
		t.Errorf("%v %v", took, err)
	}
	p, err := d.Pinned(1 << 20)
	must(t, err)
	must(t, s.Download(p.Bytes(), b, 0), s.Wait())
	for i, v := range p.Bytes() {
		if v != 0 {
			t.Fatalf("byte %d is %d", i, v)
		}
	}
	p.Free()
}

// BenchmarkCopy is the ceiling of everything that is bound by memory.
func BenchmarkCopy(b *testing.B) {
	d := gputest.Open(b)
	s := gputest.Stream(b, d)
	const n = 1 << 30
	x, err := d.Alloc(n)
	must(b, err)
	y, err := d.Alloc(n)
	must(b, err)
	must(b, s.Fill(x, 0, n, 0x5a), s.Copy(y, 0, x, 0, n), s.Wait())
	from, err := s.Mark()
	must(b, err)
	count := 0
	for b.Loop() {
		must(b, s.Copy(y, 0, x, 0, n))
		count++
	}
	to, err := s.Mark()
	must(b, err)
	took, err := gpu.Between(from, to)
	must(b, err)
	b.ReportMetric(2*n*float64(count)/took.Seconds()/1e9, "GB/s")
}

// BenchmarkLaunch is what a launch of an empty kernel and the wait for it cost.
func BenchmarkLaunch(b *testing.B) {
	d := gputest.Open(b)
	s, f := gputest.Stream(b, d), probe(b, d, "probe_add")
	x, err := d.Alloc(4)
	must(b, err)
	for b.Loop() {
		must(b, s.Launch(f, gpu.Dim{}, gpu.Dim{}, 0, x, x, uint32(1), uint64(1)), s.Wait())
	}
}

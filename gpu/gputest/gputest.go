// Package gputest opens the GPU for tests.
//
// Owns: when a test that needs a GPU skips and when it fails; the ceiling of work on memory.
// Promises: a skip says what is missing; with CINESYNC_GPU_REQUIRED set nothing skips.
// Never: is part of a program.
// Start here: Open.
package gputest

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/gpu"
)

// Open opens the device with index CINESYNC_GPU (0 without it) and closes it when the test ends.
func Open(t testing.TB) *gpu.Device {
	t.Helper()
	index := 0
	if s := os.Getenv("CINESYNC_GPU"); s != "" {
		var err error
		if index, err = strconv.Atoi(s); err != nil {
			t.Fatalf("CINESYNC_GPU is %q: want the index of a GPU", s)
		}
	}
	return OpenIndex(t, index, gpu.Options{})
}

// OpenIndex opens a device of the test's choice.
func OpenIndex(t testing.TB, index int, o gpu.Options) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(index, o)
	if errors.Is(err, gpu.ErrNone) && os.Getenv("CINESYNC_GPU_REQUIRED") == "" {
		t.Skipf("needs a GPU: run make gpu-test on a machine that has one (%v)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Stream makes a stream that ends with the test.
func Stream(t testing.TB, d *gpu.Device) *gpu.Stream {
	t.Helper()
	s, err := d.Stream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.Lost() != nil {
			return
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// insideFault is set in the process that Apart starts.
const insideFault = "CINESYNC_GPU_TEST_APART"

// Apart runs a test that ends CUDA for its process in another process, and reports whether this is that one: what follows is for it alone. With
// -test.short the test skips, since a fault is what compute-sanitizer looks for.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideFault) == t.Name() {
		return true
	}
	if testing.Short() {
		t.Skip("a fault is what compute-sanitizer looks for")
	}
	Open(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideFault+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return false
}

// CopyRate is how many bytes a second the device's memory moves in a copy, read and written ones, at the best of five: what bounds work on memory.
func CopyRate(t testing.TB, d *gpu.Device) float64 {
	t.Helper()
	const bytes = 1 << 30
	s := Stream(t, d)
	from, err := d.Alloc(bytes)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Free()
	to, err := d.Alloc(bytes)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Free()
	var best time.Duration
	for range 5 {
		one, err := s.Mark()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Copy(to, 0, from, 0, bytes); err != nil {
			t.Fatal(err)
		}
		two, err := s.Mark()
		if err != nil {
			t.Fatal(err)
		}
		took, err := gpu.Between(one, two)
		if err != nil {
			t.Fatal(err)
		}
		one.Free()
		two.Free()
		if best == 0 || took < best {
			best = took
		}
	}
	return 2 * bytes / best.Seconds()
}

// Package gputest opens the GPU for tests.
//
// Owns: when a test that needs a GPU skips and when it fails.
// Promises: a skip says what is missing; with CINESYNC_GPU_REQUIRED set nothing skips.
// Never: is part of a program.
// Start here: Open.
package gputest

import (
	"errors"
	"os"
	"strconv"
	"testing"

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

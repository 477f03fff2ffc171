package gpu

import (
	"errors"
	"fmt"
)

// What a caller can act on. Errors wrap them.
var (
	// ErrNone: there is no driver, or no GPU that these kernels run on.
	ErrNone = errors.New("no usable GPU")
	// ErrMemory: the budget or the device has no room for what was asked. A smaller piece may fit.
	ErrMemory = errors.New("not enough GPU memory")
	// ErrLost: the context is dead, for example after a kernel failed or the device fell off. Everything on this Device fails from now
	// on, and CUDA opens no other in this process: the program has to be started again to use a GPU.
	ErrLost = errors.New("the GPU is lost until this program is started again")
	// ErrSize: a length, an offset or a launch is outside what there is: a bug of the caller, found before the driver was asked.
	ErrSize = errors.New("size out of range")
)

// Error is what a call of the driver answered.
type Error struct {
	Call string // such as cuLaunchKernel
	Code int    // CUresult
	Name string // such as CUDA_ERROR_ILLEGAL_ADDRESS
	Text string // the driver's own sentence
}

// Error gives all of it.
func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Code)
	}
	return fmt.Sprintf("%s: %s (%d): %s", e.Call, e.Name, e.Code, e.Text)
}

// CUresult values that mean something to us (CUDA driver API, cuda.h).
const (
	cudaSuccess        = 0
	cudaOutOfMemory    = 2
	cudaDeinitialized  = 4
	cudaNoDevice       = 100
	cudaInvalidContext = 201
)

// lostCodes are the results after which a context answers nothing but errors: the driver was shut down, the device is gone or
// unusable, or a kernel ended by a fault.
func lostCode(code int32) bool {
	switch code {
	case cudaDeinitialized, 46 /* device unavailable */, cudaInvalidContext, 214 /* uncorrectable ECC */, 220, /* NVLink */
		700 /* illegal address */, 702 /* launch timeout */, 709 /* context is destroyed */, 710, /* assert */
		714, 715, 716, 717, 718, 719 /* faults of a kernel */, 721 /* contained */, 722 /* tensor memory leak */, 999: /* unknown */
		return true
	}
	return false
}

// result makes an error of a CUresult.
func (c *cuda) result(call string, code int32) error {
	if code == cudaSuccess {
		return nil
	}
	e := &Error{Call: call, Code: int(code), Name: c.text(c.getErrorName, code), Text: c.text(c.getErrorString, code)}
	if e.Name == "" {
		e.Name = "unknown CUDA error"
	}
	switch {
	case code == cudaOutOfMemory:
		return fmt.Errorf("%w: %w", ErrMemory, e)
	case code == cudaNoDevice:
		return fmt.Errorf("%w: %w", ErrNone, e)
	case lostCode(code):
		return fmt.Errorf("%w: %w", ErrLost, e)
	}
	return e
}

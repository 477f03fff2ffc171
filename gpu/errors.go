package gpu

import (
	"errors"
	"fmt"
)

// What a caller can act on. Errors wrap them.
var (
	// ErrNone: there is no driver or one that does not work, no GPU that these kernels run on, or another process has it to itself.
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
	cudaUnavailable    = 46
	cudaNoDevice       = 100
	cudaInvalidContext = 201
	cudaUnknown        = 999
)

// faultCode says whether a kernel of this process ended by a fault, after which CUDA opens no device in it.
func faultCode(code int32) bool {
	switch code {
	case 700 /* illegal address */, 702 /* launch timeout */, 709 /* context is destroyed */, 710, /* assert */
		714, 715, 716, 717, 718, 719 /* other faults */, 721 /* contained */, 722: /* tensor memory leak */
		return true
	}
	return false
}

// lostCode is a result after which a context answers nothing but errors: the driver was shut down, the device is gone or unusable, or a
// kernel ended by a fault.
func lostCode(code int32) bool {
	switch code {
	case cudaDeinitialized, cudaUnavailable, cudaInvalidContext, 214 /* uncorrectable ECC */, 220 /* NVLink */, cudaUnknown:
		return true
	}
	return faultCode(code)
}

// said is what the driver says about a CUresult.
func (c *cuda) said(call string, code int32) *Error {
	e := &Error{Call: call, Code: int(code), Name: c.text(c.getErrorName, code), Text: c.text(c.getErrorString, code)}
	if e.Name == "" {
		e.Name = "unknown CUDA error"
	}
	return e
}

// opening makes an error of a CUresult from before there is a context. Nothing is lost then: a driver that does not start, or a device
// that it does not give, is ErrNone, unless a fault has ended CUDA for this process before.
func (c *cuda) opening(call string, code int32) error {
	switch {
	case code == cudaSuccess, code == cudaOutOfMemory, code == cudaDeinitialized, faultCode(code):
		return c.result(call, code)
	case code == cudaUnavailable:
		return fmt.Errorf("%w: another process has this GPU to itself, or its compute mode prohibits all use (nvidia-smi shows both): %w", ErrNone, c.said(call, code))
	}
	return fmt.Errorf("%w: %w", ErrNone, c.said(call, code))
}

// result makes an error of a CUresult.
func (c *cuda) result(call string, code int32) error {
	if code == cudaSuccess {
		return nil
	}
	e := c.said(call, code)
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

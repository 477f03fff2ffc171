//go:build !linux

package gpu

import (
	"fmt"
	"runtime"
)

// library is for systems on which no coordinator has been run with a GPU.
func library() (*cuda, error) {
	return nil, fmt.Errorf("%w: GPUs are used on Linux alone, not on %s", ErrNone, runtime.GOOS)
}

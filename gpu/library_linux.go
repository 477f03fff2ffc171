package gpu

import (
	"errors"
	"fmt"

	"github.com/ebitengine/purego"
)

// library opens the driver's library and finds its functions. The places are the loader's own, then where containers and WSL put it.
func library() (*cuda, error) {
	var handle uintptr
	var tried []error
	for _, name := range []string{"libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"} {
		var err error
		if handle, err = purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL); err == nil {
			break
		}
		tried = append(tried, err)
	}
	if handle == 0 {
		return nil, fmt.Errorf("%w: the CUDA driver is not installed: %w", ErrNone, tried[0])
	}
	c := &cuda{}
	var missing []error
	for _, s := range c.symbols() {
		at, err := purego.Dlsym(handle, s.name)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		purego.RegisterFunc(s.at, at)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: the CUDA driver is too old, update it: %w", ErrNone, errors.Join(missing...))
	}
	return c, nil
}

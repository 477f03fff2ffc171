package gpu

import "fmt"

// Info is what a device says of itself.
type Info struct {
	Index        int    `json:"index"`
	Name         string `json:"name"`
	Major, Minor int    `json:"-"`       // compute capability
	Compute      string `json:"compute"` // the same as text, such as 9.0
	Driver       string `json:"driver"`  // the CUDA version that the driver is for
	Processors   int    `json:"processors"`
	Memory       int64  `json:"memory_bytes"`
	Shared       int    `json:"shared_bytes"` // of a block, at most
	L2           int    `json:"l2_bytes"`
}

// CUdevice_attribute values.
const (
	attributeProcessors = 16
	attributeL2         = 38
	attributeMajor      = 75
	attributeMinor      = 76
	attributeShared     = 97 // per block, where a kernel opts in
)

// Count is how many GPUs the driver sees. Where there is no driver or none that will do, the error is ErrNone.
func Count() (int, error) {
	c, err := library()
	if err != nil {
		return 0, err
	}
	return c.count()
}

func (c *cuda) count() (int, error) {
	if err := c.start(); err != nil {
		return 0, err
	}
	var n int32
	if err := c.opening("cuDeviceGetCount", c.deviceCount(&n)); err != nil {
		return 0, fmt.Errorf("count GPUs: %w", err)
	}
	if n == 0 {
		return 0, fmt.Errorf("%w: the driver sees none", ErrNone)
	}
	return int(n), nil
}

// Inspect asks a device about itself without opening it.
func Inspect(index int) (Info, error) {
	c, err := library()
	if err != nil {
		return Info{}, err
	}
	info, _, err := c.inspect(index)
	return info, err
}

func (c *cuda) inspect(index int) (Info, int32, error) {
	n, err := c.count()
	if err != nil {
		return Info{}, 0, err
	}
	if index < 0 || index >= n {
		return Info{}, 0, fmt.Errorf("%w with index %d: there are %d, counted from 0", ErrNone, index, n)
	}
	info := Info{Index: index}
	var device, version int32
	var name [256]byte
	var memory uint64
	steps := []struct {
		call string
		do   func() int32
	}{
		{"cuDeviceGet", func() int32 { return c.deviceGet(&device, int32(index)) }},
		{"cuDriverGetVersion", func() int32 { return c.driverVersion(&version) }},
		{"cuDeviceGetName", func() int32 { return c.deviceName(&name[0], int32(len(name)), device) }},
		{"cuDeviceTotalMem", func() int32 { return c.deviceMemory(&memory, device) }},
	}
	for _, a := range []struct {
		attribute int32
		into      *int
	}{{attributeProcessors, &info.Processors}, {attributeL2, &info.L2}, {attributeMajor, &info.Major}, {attributeMinor, &info.Minor}, {attributeShared, &info.Shared}} {
		steps = append(steps, struct {
			call string
			do   func() int32
		}{"cuDeviceGetAttribute", func() int32 {
			var v int32
			code := c.attribute(&v, a.attribute, device)
			*a.into = int(v)
			return code
		}})
	}
	for _, s := range steps {
		if err := c.opening(s.call, s.do()); err != nil {
			return Info{}, 0, fmt.Errorf("ask GPU %d about itself: %w", index, err)
		}
	}
	info.Name, info.Memory = upToZero(name[:]), int64(memory)
	info.Compute, info.Driver = fmt.Sprintf("%d.%d", info.Major, info.Minor), fmt.Sprintf("%d.%d", version/1000, version%1000/10)
	if info.Major*10+info.Minor < oldestCompute {
		return info, device, fmt.Errorf("%w: %s has compute capability %s, the kernels need 8.0 or newer", ErrNone, info.Name, info.Compute)
	}
	return info, device, nil
}

package accel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
)

// Uses is what GPUs do for the programs, in words.
const Uses = "masks of lost devices, lists and scores of titles, evaluation, simulated training"

// Seen is what a survey found.
type Seen struct {
	GPUs []Tried `json:"gpus"`
	None string  `json:"none,omitempty"` // why there is no GPU
}

// Tried is one GPU and how it did.
type Tried struct {
	gpu.Info
	Usable  bool    `json:"usable"` // it is one that the kernels are made for
	Trouble string  `json:"trouble,omitempty"`
	Free    int64   `json:"free_bytes"`
	Words   int     `json:"words"`         // of the kernel that was tried
	Copy    float64 `json:"copy_gb_per_s"` // bytes read and written, in memory of the device
	Start   float64 `json:"start_s"`       // until the first kernel could run
}

// Survey tries every GPU of this machine. It does not fail: what is wrong is in what it found.
func Survey() Seen {
	n, err := gpu.Count()
	if err != nil {
		return Seen{GPUs: []Tried{}, None: err.Error()}
	}
	s := Seen{}
	for i := range n {
		s.GPUs = append(s.GPUs, try(i))
	}
	return s
}

func try(index int) Tried {
	began := time.Now()
	d, err := gpu.Open(index, gpu.Options{})
	if err != nil {
		info, other := gpu.Inspect(index)
		if info.Name == "" {
			info.Index = index
		}
		return Tried{Info: info, Usable: other == nil, Trouble: err.Error()}
	}
	t := Tried{Info: d.Info(), Usable: true}
	most, _ := d.Budget()
	t.Free = most / 9 * 10
	if err := errors.Join(t.run(d, began), d.Close()); err != nil {
		t.Trouble = err.Error()
	}
	return t
}

// run adds a number to random words on the device and here, and measures a copy.
func (t *Tried) run(d *gpu.Device, began time.Time) error {
	m, err := d.Load(kernels.Probe)
	if err != nil {
		return err
	}
	f, err := m.Function("probe_add")
	if err != nil {
		return err
	}
	s, err := d.Stream()
	if err != nil {
		return err
	}
	t.Start = time.Since(began).Seconds()
	x := make([]uint32, 1<<20)
	rng := rand.New(rand.NewPCG(1, uint64(t.Index)))
	for i := range x {
		x[i] = rng.Uint32()
	}
	b, err := d.Alloc(4 * len(x))
	if err != nil {
		return err
	}
	defer b.Free()
	got := make([]uint32, len(x))
	by := rng.Uint32()
	err = s.Upload(b, 0, gpu.Bytes(x))
	if err == nil {
		err = s.Launch(f, gpu.Dim{X: len(x) / 256}, gpu.Dim{X: 256}, 0, b, b, by, uint64(len(x)))
	}
	if err == nil {
		err = s.Download(gpu.Bytes(got), b, 0)
	}
	if err != nil {
		return err
	}
	for i, v := range got {
		if v != x[i]+by {
			return fmt.Errorf("word %d of %d is %08x, want %08x: the device computes wrong", i, len(x), v, x[i]+by)
		}
	}
	t.Words = len(x)
	t.Copy, err = copyRate(d, s)
	return err
}

// copyRate is how many 10^9 bytes a second are read and written by a copy on the device.
func copyRate(d *gpu.Device, s *gpu.Stream) (float64, error) {
	most, _ := d.Budget()
	n := int(min(1<<30, most/4))
	a, err := d.Alloc(n)
	if err != nil {
		return 0, err
	}
	defer a.Free()
	b, err := d.Alloc(n)
	if err != nil {
		return 0, err
	}
	defer b.Free()
	if err := s.Fill(a, 0, n, 0x5a); err != nil {
		return 0, err
	}
	if err := s.Copy(b, 0, a, 0, n); err != nil {
		return 0, err
	}
	const times = 10
	from, err := s.Mark()
	if err != nil {
		return 0, err
	}
	defer from.Free()
	for range times {
		if err := s.Copy(b, 0, a, 0, n); err != nil {
			return 0, err
		}
	}
	to, err := s.Mark()
	if err != nil {
		return 0, err
	}
	defer to.Free()
	took, err := gpu.Between(from, to)
	if err != nil {
		return 0, err
	}
	return 2 * times * float64(n) / took.Seconds() / 1e9, nil
}

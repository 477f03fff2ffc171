package score

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
)

// Kernels are what the driver compiled for a device: models are opened with them one after another, or several at a time.
type Kernels struct {
	device                         *gpu.Device
	module                         *gpu.Module
	turn, pool, project, step      *gpu.Function
	mask, merge                    *gpu.Function
	attend64, attend128, attend256 *gpu.Function
	towers, ncf                    family
}

// family are the kernels that each family has.
type family struct{ listed, rank, write, few *gpu.Function }

// Load compiles the kernels for a device. Errors: gpu.ErrLost.
func Load(d *gpu.Device) (*Kernels, error) {
	k := &Kernels{device: d}
	err := k.load()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("score on the GPU: %w", err), k.Close())
	}
	return k, nil
}

func (k *Kernels) load() (err error) {
	if k.module, err = k.device.Load(kernels.Score); err != nil {
		return err
	}
	for _, f := range []struct {
		into **gpu.Function
		name string
	}{
		{&k.turn, "turn"}, {&k.pool, "pool"}, {&k.project, "project"}, {&k.step, "step"}, {&k.mask, "mask"}, {&k.merge, "merge"},
		{&k.attend64, "attend_64"}, {&k.attend128, "attend_128"}, {&k.attend256, "attend_256"},
		{&k.towers.listed, "listed_towers"}, {&k.towers.rank, "rank_towers"}, {&k.towers.write, "write_towers"}, {&k.towers.few, "few_towers"},
		{&k.ncf.listed, "listed_ncf"}, {&k.ncf.rank, "rank_ncf"}, {&k.ncf.write, "write_ncf"}, {&k.ncf.few, "few_ncf"},
	} {
		if *f.into, err = k.module.Function("score_" + f.name); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		attend *gpu.Function
		d      int
	}{{k.attend64, 64}, {k.attend128, 128}, {k.attend256, 256}} {
		// Where a block has less, models so wide are refused.
		if err = f.attend.Shared(min((shape{d: f.d}).attendBytes(), k.device.Info().Shared)); err != nil {
			return err
		}
	}
	return nil
}

// attend is the kernel for a width.
func (k *Kernels) attend(d int) *gpu.Function {
	switch {
	case d <= 64:
		return k.attend64
	case d <= 128:
		return k.attend128
	}
	return k.attend256
}

// Open is New for evaluate.Bench.
func (k *Kernels) Open(s *model.Snapshot) (evaluate.Backend, error) {
	m, err := k.New(s)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Close forgets the kernels; all models that were opened with them are closed before.
func (k *Kernels) Close() error {
	if k.module == nil || k.device.Lost() != nil {
		return nil // what lost the device said so
	}
	m := k.module
	k.module = nil
	return m.Unload()
}

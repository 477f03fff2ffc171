package train

import (
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
)

// ncf is the NCF family (ncf.cu). Its kernels are compiled when a cohort asks for them.
type ncf struct {
	device  *gpu.Device
	module  *gpu.Module
	kernels [len(ncfWidths)]*gpu.Function
}

// ncfLauncher is NCF on one cohort: a block takes one member after another, and works in a room of its own.
type ncfLauncher struct {
	kernel *gpu.Function
	shape  ncfShape
	rooms  *gpu.Buffer
	taken  *gpu.Buffer // how many members blocks have taken
	blocks int
}

func (n *ncf) open(j *job) (launcher, error) {
	s, err := newNCFShape(j.cohort.Model.Layout, j.cohort.Local, j.longest, j.stride)
	if err != nil {
		return nil, err
	}
	if most := n.device.Info().Shared; s.shared() > most {
		return nil, fmt.Errorf("%w: NCF of width %d takes %d bytes of shared memory, %s has %d", ErrShape, s.dim, s.shared(), n.device.Info().Name, most)
	}
	a := &ncfLauncher{shape: s, blocks: min(blocksAtOnce*n.device.Info().Processors, len(j.cohort.Histories))}
	if a.kernel, err = n.function(s); err != nil {
		return nil, err
	}
	// Rooms may take half of what is free; fewer blocks are slower, and no fewer than one will do.
	most, used := n.device.Budget()
	a.blocks = max(1, min(a.blocks, int((most-used)/2/(4*int64(s.room)))))
	if a.rooms, err = j.alloc(4 * s.room * a.blocks); err != nil {
		return nil, fmt.Errorf("work space for %d devices at once: %w", a.blocks, err)
	}
	if a.taken, err = j.alloc(4); err != nil {
		return nil, err
	}
	return a, nil
}

// function gives the kernel of a shape.
func (n *ncf) function(s ncfShape) (f *gpu.Function, err error) {
	i := s.kernel()
	if n.kernels[i] != nil {
		return n.kernels[i], nil
	}
	if n.module == nil {
		if n.module, err = n.device.Load(kernels.NCF); err != nil {
			return nil, err
		}
	}
	if f, err = n.module.Function(fmt.Sprintf("ncf_train_%d", ncfWidths[i])); err != nil {
		return nil, err
	}
	if err := f.Shared(s.shared()); err != nil {
		return nil, err
	}
	n.kernels[i] = f
	return f, nil
}

func (a *ncfLauncher) launch(s *gpu.Stream, j *job, c *chunk) error {
	if err := s.Zero(a.taken, 0, 4); err != nil {
		return err
	}
	args := append([]any{uint32(c.members())}, a.shape.arguments()...)
	args = append(args, j.params, j.decay, j.norm, c.at["cuts"], c.at["candidates"], c.at["lists"], j.updates, c.at["loss"], c.at["status"], a.rooms, a.taken)
	return s.Launch(a.kernel, gpu.Dim{X: min(a.blocks, c.members())}, gpu.Dim{X: ncfThreads}, a.shape.shared(), args...)
}

package train

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model"
)

// families are those that the GPU trains.
func families(d *gpu.Device, m *gpu.Module) (map[string]family, error) {
	t := &towers{device: d}
	for i, width := range towerWidths {
		for kind, suffix := range towerKinds {
			if kind == full && width == 128 {
				continue
			}
			f, err := m.Function(fmt.Sprintf("train_towers_%d%s", width, suffix))
			if err == nil {
				err = f.Shared(d.Info().Shared / 3)
			}
			if err != nil {
				return nil, err
			}
			t.kernels[i][kind] = f
		}
	}
	return map[string]family{model.TwoTowerFamily: t, model.NCFFamily: &ncf{device: d}}, nil
}

// towers is the two-tower (train.cu).
type towers struct {
	device  *gpu.Device
	kernels [3][3]*gpu.Function // by width and kind
}

// The kinds of kernel: against the whole catalogue, against a sample of it, and the first for a width that is the kernel's own and cuts that
// are one tile.
const (
	whole = iota
	sampled
	full
)

var towerKinds = [...]string{"", "_sampled", "_full"}

var (
	towerWidths = [...]int{32, 64, 128}
	towerTiles  = [...]int{8, 8, 4} // cuts that a block takes at once
)

const (
	towerThreads = 256
	towerMost    = 64 // cuts
	blocksAtOnce = 2  // of a multiprocessor
)

// towerLauncher is the two-tower on one cohort.
type towerLauncher struct {
	towers        *towers
	kernel        *gpu.Function
	blocks        int // at most
	shared        int // bytes
	work, spare   int // floats of a block
	global, other *gpu.Buffer
}

func (t *towers) open(j *job) (launcher, error) {
	layout, l := j.cohort.Model.Layout, j.cohort.Local
	d, k, channels, n := layout.Dim, int(l.Cuts), len(layout.Ages), len(layout.Items)
	i := 0
	for i < len(towerWidths) && d > towerWidths[i] {
		i++
	}
	if i == len(towerWidths) || k > towerMost {
		return nil, fmt.Errorf("%w: width %d and %d cuts, at most %d and %d", ErrShape, d, k, towerWidths[len(towerWidths)-1], towerMost)
	}
	kind, rows := whole, n
	if l.Negatives > 0 {
		kind, rows = sampled, int(l.Negatives)+k*int(l.Next)
	} else if d == towerWidths[i] && k <= towerTiles[i] && t.kernels[i][full] != nil {
		kind = full
	}
	padded := (k + towerTiles[i] - 1) / towerTiles[i] * towerTiles[i]
	a := &towerLauncher{towers: t, kernel: t.kernels[i][kind], blocks: math.MaxInt, work: 2*channels*k*d + 2*padded*d}
	a.shared = 4 * (towerThreads / 32) * towerTiles[i] * towerWidths[i]
	resident := blocksAtOnce * t.device.Info().Processors
	var err error
	if a.shared+4*a.work <= t.device.Info().Shared/3 {
		a.shared += 4 * a.work
	} else if a.global, err = j.alloc(4 * a.work * resident); err != nil {
		return nil, err
	} else {
		a.blocks = resident
	}
	if kind == sampled || padded > towerTiles[i] {
		a.spare, a.blocks = (rows*(d+1)+31)/32*32, resident
		if a.other, err = j.alloc(4 * a.spare * resident); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *towerLauncher) launch(s *gpu.Stream, j *job, c *chunk) error {
	layout, l := j.cohort.Model.Layout, j.cohort.Local
	raise := float32(0)
	if l.Negatives > 0 {
		raise = float32(math.Log(float64(len(layout.Items)) / float64(l.Negatives)))
	}
	return s.Launch(a.kernel, gpu.Dim{X: min(c.members(), a.blocks)}, gpu.Dim{X: towerThreads}, a.shared,
		uint32(c.members()), uint32(len(layout.Items)), uint32(layout.Dim), uint32(len(layout.Ages)), l.Steps, l.Cuts, l.Negatives, uint32(j.longest),
		uint32(j.stride), uint32(a.work), uint32(a.spare), l.Rate, l.RateDense, raise, j.params, j.decay, j.norm,
		c.at["cuts"], c.at["candidates"], c.at["lists"], j.updates, pointer(a.global), pointer(a.other), c.at["loss"], c.at["status"])
}

// pointer is a buffer's, or null.
func pointer(b *gpu.Buffer) any {
	if b == nil {
		return uint64(0)
	}
	return b
}

package score

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model"
)

// The kernels' shapes (gpu/kernels/score.cu).
const (
	tile    = 64 // users, and titles, of a block's tile
	row     = tile + 4
	run     = 4
	threads = 256
	units   = 16
	warp    = 32
)

const (
	// mostUsers go through the device at once.
	mostUsers = 1 << 14
	// fewestUsers are what memory must be enough for.
	fewestUsers = tile
	// mostTitles of histories and negatives are on the device at once.
	mostTitles = 1 << 26
	// mostSlices of the catalogue go beside each other.
	mostSlices = 64
	// mostNCF is the width of an NCF model up to which a block holds a tile of it in shared memory.
	mostNCF = 256
)

// ErrModel: the device does not score such a model. The CPU does.
var ErrModel = errors.New("no kernels for this model")

// round is n rounded up to a multiple of to.
func round(n, to int) int { return blocks(n, to) * to }

// blocks is how many blocks of a size hold n.
func blocks(n, size int) int { return (n + size - 1) / size }

// shape is what of a model's sizes the kernels need.
type shape struct {
	ncf            bool
	n, d, channels int
	h1, h2         int // of NCF
}

func shapeOf(s *model.Snapshot, info gpu.Info) (shape, error) {
	l := s.Layout
	if err := l.Validate(); err != nil {
		return shape{}, err
	}
	if _, err := model.Open(l); err != nil {
		return shape{}, err
	}
	if len(s.Params) != l.Size() {
		return shape{}, fmt.Errorf("%d parameters, the layout has %d", len(s.Params), l.Size())
	}
	x := shape{n: len(l.Items), d: l.Dim, channels: len(l.Ages)}
	switch l.Family {
	case model.TwoTowerFamily:
		return x, nil
	case model.NCFFamily:
	default:
		return shape{}, fmt.Errorf("%w: family %q, want %s or %s", ErrModel, l.Family, model.TwoTowerFamily, model.NCFFamily)
	}
	_, x.h1, _ = l.Offset("c1")
	_, x.h2, _ = l.Offset("c2")
	x.ncf = true
	if x.d > mostNCF || x.attendBytes() > info.Shared {
		return shape{}, fmt.Errorf("%w: an NCF of width %d needs %d bytes of shared memory a block, %s has %d; width at most %d",
			ErrModel, x.d, x.attendBytes(), info.Name, info.Shared, mostNCF)
	}
	return x, nil
}

// stride is between rows of a turned table of titles.
func (x shape) stride() int { return round(x.n, tile) }

// words is how many words of bits a user's mask has.
func (x shape) words() int { return blocks(x.n, 32) }

// groups is how many groups of units the second hidden layer has.
func (x shape) groups() int { return blocks(x.h2, units) }

// attendBytes is the shared memory of score_attend.
func (x shape) attendBytes() int { return 4 * (round(x.d, run)*(row+tile) + tile*row) }

// slices is how many pieces the catalogue is cut into, and the tiles of each, so that so many users keep a device busy: about four
// blocks for each that it runs at once.
func (x shape) slices(users, atOnce int) (slices, tiles int) {
	all := blocks(x.n, tile)
	slices = min(all, mostSlices, max(1, blocks(4*atOnce, blocks(users, tile))))
	tiles = blocks(all, slices)
	return blocks(all, tiles), tiles
}

package train

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/model"
)

// ncfShape is what the kernels of ncf.cu are told, struct ncf_shape there.
type ncfShape struct {
	titles, dim, channels, cuts, steps, negatives int
	size, stride, ages, candidates, room          int
	rate, dense, raise                            float32
}

// Limits of ncf.cu.
const (
	ncfMostDim      = 128
	ncfMostCuts     = 64
	ncfMostChannels = 8
	ncfUsers        = 8 // cuts that go through a pass together
	ncfThreads      = 256
)

// newNCFShape is the shape of training l on a layout, with histories of longest titles at most and a member's update every stride floats.
func newNCFShape(layout model.Layout, l model.Local, longest, stride int) (ncfShape, error) {
	s := ncfShape{titles: len(layout.Items), dim: layout.Dim, channels: len(layout.Ages), cuts: int(l.Cuts), steps: int(l.Steps),
		negatives: int(l.Negatives), size: layout.Size(), stride: stride, ages: longest, rate: l.Rate, dense: l.RateDense}
	switch {
	case s.dim > ncfMostDim:
		return ncfShape{}, fmt.Errorf("%w: NCF of width %d, at most %d", ErrShape, s.dim, ncfMostDim)
	case s.cuts < 1 || s.cuts > ncfMostCuts:
		return ncfShape{}, fmt.Errorf("%w: %d cuts, want 1 to %d", ErrShape, s.cuts, ncfMostCuts)
	case s.channels < 1 || s.channels > ncfMostChannels:
		return ncfShape{}, fmt.Errorf("%w: %d channels, want 1 to %d", ErrShape, s.channels, ncfMostChannels)
	}
	s.candidates = s.titles
	if s.negatives > 0 {
		s.candidates = s.negatives + s.cuts*int(l.Next)
		s.raise = float32(math.Log(float64(s.titles) / float64(s.negatives)))
	}
	s.candidates = up(s.candidates, s.tile())
	if s.room = s.rooms(); s.room > math.MaxInt32 {
		return ncfShape{}, fmt.Errorf("%w: a device needs %d numbers of work space", ErrShape, s.room)
	}
	return s, nil
}

// up rounds n up to a multiple of m.
func up(n, m int) int { return (n + m - 1) / m * m }

// width is that of the kernel's rows.
func (s ncfShape) width() int { return ncfWidths[s.kernel()] }

var ncfWidths = [...]int{32, 64, ncfMostDim}

// kernel is the place in ncfWidths.
func (s ncfShape) kernel() int {
	for i, w := range ncfWidths {
		if s.dim <= w {
			return i
		}
	}
	return len(ncfWidths) - 1
}

// tile is how many candidates go through shared memory together.
func (s ncfShape) tile() int { return 1024 / s.width() }

// rooms is the work space of a block in floats: struct space in ncf.cu.
func (s ncfShape) rooms() int {
	w, k, c, m := s.width(), up(s.cuts, ncfUsers), s.channels, s.candidates
	weights := 2*w + 2*(w/2) + w/2*w + 4*w*w + c*w
	users := 5*c*k*w + 7*k*w + 4*c*k
	return up(2*weights+users+3*m*w+m+k*m+s.titles, 32)
}

// shared is the dynamic shared memory of a block in bytes: space::FLOATS in ncf.cu.
func (s ncfShape) shared() int {
	w := s.width()
	pairs := s.tile() * ncfUsers
	return 4 * (pairs*(w+4+w/2+4) + w/2*(w+4))
}

// arguments are those of a launch that tell the shape.
func (s ncfShape) arguments() []any {
	var out []any
	for _, v := range []int{s.titles, s.dim, s.channels, s.cuts, s.steps, s.negatives, s.size, s.stride, s.ages, s.candidates, s.room} {
		out = append(out, uint32(v))
	}
	return append(out, s.rate, s.dense, s.raise)
}

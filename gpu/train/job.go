package train

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/sim/learning"
)

// job is one cohort on the device: what its chunks share.
type job struct {
	device *gpu.Device
	cohort learning.Cohort
	grid   aggregation.Grid
	size   int        // parameters of the model
	words  int        // that travel
	stride int        // floats from one member's update to the next's
	whole  uint64     // CInt²
	held   [slots]int // bytes of the device that the trainer's slots hold from cohorts before, and this one takes over
	runs   []part

	longest      int // history
	params       *gpu.Buffer
	decay, norm  *gpu.Buffer // model.PoolTables, a row of longest floats a channel
	runsOnDevice *gpu.Buffer
	total        *gpu.Buffer
	updates      *gpu.Buffer
	buffers      []*gpu.Buffer // all of them

	parts  []learning.Part
	sum    []int32
	redone *aggregation.Quantiser // for members that are rounded again
}

// part is Part of the kernels: a run of words that travel.
type part struct {
	from, at uint32
	factor   float32
	_        uint32
}

// mostCInt bounds C_int, so that squares of a vector within the clip stay within 64 bits.
const mostCInt = 1<<31 - 1

// open checks a cohort and brings to the device what all its chunks use.
func (t *Trainer) open(c learning.Cohort) (*job, error) {
	layout := c.Model.Layout
	if t.families[layout.Family] == nil {
		return nil, fmt.Errorf("%w: family %q", ErrShape, layout.Family)
	}
	if _, err := model.Open(layout); err != nil {
		return nil, err
	}
	j := &job{device: t.device, cohort: c, grid: c.Grid, size: layout.Size(), words: c.Local.Words(layout), parts: make([]learning.Part, len(c.Histories)), held: t.held()}
	if err := j.check(); err != nil {
		return nil, err
	}
	j.stride = (j.size + 31) / 32 * 32
	j.sum = make([]int32, j.words)
	for _, h := range c.Histories {
		j.longest = max(j.longest, len(h))
	}
	if err := j.upload(t.work); err != nil {
		j.free()
		return nil, err
	}
	return j, nil
}

// check refuses what the rounding does not know, and lays out what travels.
func (j *job) check() error {
	layout, g := j.cohort.Model.Layout, j.grid
	var at, from int
	for _, t := range layout.Tensors {
		if t.Group != 0 {
			if n := len(j.runs); n > 0 && j.runs[n-1].factor == t.Group && int(j.runs[n-1].at)-int(j.runs[n-1].from) == at-from {
				// goes on where the run before ends
			} else {
				j.runs = append(j.runs, part{from: uint32(from), at: uint32(at), factor: t.Group})
			}
			from += t.Size()
		}
		at += t.Size()
	}
	if from != j.words {
		return fmt.Errorf("%w: rank %d sends %d words of %d", ErrShape, j.cohort.Local.Rank, j.words, from)
	}
	if g.D != j.words {
		return fmt.Errorf("a grid of %d words for updates of %d", g.D, j.words)
	}
	if g.CInt > mostCInt {
		return fmt.Errorf("%w: C_int is %d, at most %d", ErrShape, g.CInt, mostCInt)
	}
	if _, err := g.R(); err != nil {
		return err
	}
	j.whole = uint64(g.CInt) * uint64(g.CInt)
	return nil
}

// alloc takes device memory that the job gives back.
func (j *job) alloc(bytes int) (*gpu.Buffer, error) {
	b, err := j.device.Alloc(bytes)
	if err == nil {
		j.buffers = append(j.buffers, b)
	}
	return b, err
}

func (j *job) free() {
	for _, b := range j.buffers {
		b.Free()
	}
	j.buffers = nil
}

// put uploads numbers to memory of their own.
func put[T ~uint32 | ~float32](j *job, s *gpu.Stream, into **gpu.Buffer, x []T) (err error) {
	if *into, err = j.alloc(max(len(x), 1) * sizeOf[T]()); err != nil {
		return err
	}
	return s.Upload(*into, 0, gpu.Bytes(x))
}

func (j *job) upload(s *gpu.Stream) (err error) {
	ages := j.cohort.Model.Layout.Ages
	decay, norm := make([]float32, len(ages)*j.longest), make([]float32, len(ages)*j.longest)
	d, n := model.PoolTables(ages, j.longest)
	for c := range ages {
		copy(decay[c*j.longest:(c+1)*j.longest], d[c])
		copy(norm[c*j.longest:(c+1)*j.longest], n[c])
	}
	var runs []uint32
	for _, p := range j.runs {
		runs = append(runs, p.from, p.at, math.Float32bits(p.factor), 0)
	}
	for _, err := range []error{put(j, s, &j.params, j.cohort.Model.Params), put(j, s, &j.decay, decay), put(j, s, &j.norm, norm), put(j, s, &j.runsOnDevice, runs)} {
		if err != nil {
			return err
		}
	}
	if j.total, err = j.alloc(4 * j.words); err != nil {
		return err
	}
	return s.Zero(j.total, 0, 4*j.words)
}

// add takes the device's sum to what was done here.
func (j *job) add(sum []int32) {
	for i, v := range sum {
		j.sum[i] += v
	}
}

// take reads what came of a chunk's member.
func (j *job) take(c *chunk, i int) error {
	at, p := c.who[i], &j.parts[c.who[i]]
	member, status := c.results[i], c.status[i]
	p.Loss = c.loss[i]
	switch {
	case status > 0:
		p.Err = fmt.Errorf("%w: train: the loss of step %d is %v: the model has run away, or a rate (%v) is too high", learning.ErrDiverged, status-1, p.Loss, j.cohort.Local.Rate)
	case member.bad != noWord:
		p.Err = fmt.Errorf("tensor %s: %w: word %d of the update is no number", j.tensor(int(member.bad)), learning.ErrDiverged, member.bad)
	default:
		p.Norm = member.norm
		p.Clipped = p.Norm > float64(j.grid.C)
		if member.squares > j.whole {
			return j.again(at)
		}
	}
	return nil
}

// tensor names what a word that travels is of.
func (j *job) tensor(word int) string {
	for _, t := range j.cohort.Model.Layout.Tensors {
		if t.Group == 0 {
			continue
		}
		if word -= t.Size(); word < 0 {
			return t.Name
		}
	}
	return ""
}

// again does a member here, whose first rounding was beyond the bound and was taken off the device's sum: about one in a million.
func (j *job) again(i int) error {
	c := j.cohort
	m, err := model.Open(c.Model.Layout)
	if err != nil {
		return err
	}
	if j.redone == nil {
		if j.redone, err = aggregation.NewQuantiser(j.grid); err != nil {
			return err
		}
	}
	update, sent := make([]float32, j.size), make([]float32, j.words)
	if _, err := m.Trainer(c.Model.Params).Update(update, c.Histories[i], c.Local, c.Draws(i)); err != nil {
		return err
	}
	c.Local.Uplink(c.Model.Layout, c.Model.Hash()).Shrink(sent, update)
	if _, err := privacy.Clip(sent, j.grid.C); err != nil {
		return err
	}
	return j.redone.Add(j.sum, sent, c.Coins(i))
}

package train

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/sim/learning"
)

// Trainer is a learning.Backend on a GPU. It is not for concurrent use.
type Trainer struct {
	device         *gpu.Device
	work, copies   *gpu.Stream // kernels; lists on their way to the device
	measure, round *gpu.Function
	families       map[string]family
	slots          [slots]*slot
	drawers        []*drawer // one a core
}

var _ learning.Backend = (*Trainer)(nil)

// family is the local function of one family of models on the GPU.
type family interface {
	// open says what is wrong with a cohort's shape for the kernels, or takes the memory that its chunks share.
	open(j *job) (launcher, error)
}

// launcher trains chunks of one cohort.
type launcher interface {
	// launch queues the kernels that write the updates (j.updates, a member every j.stride floats, in the layout's order and before the
	// clip-group factors), losses and statuses (0, or 1 + the step whose loss is no number) of c's members.
	launch(s *gpu.Stream, j *job, c *chunk) error
}

// ErrShape: a cohort is not of a shape that the kernels train. The CPU does.
var ErrShape = errors.New("the GPU does not train this")

// New compiles the kernels for the device.
func New(d *gpu.Device) (*Trainer, error) {
	t := &Trainer{device: d}
	if err := t.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("train on the GPU: %w", err), t.Close())
	}
	return t, nil
}

func (t *Trainer) load() (err error) {
	m, err := t.device.Load(kernels.Train)
	if err != nil {
		return err
	}
	if t.measure, err = m.Function("train_measure"); err != nil {
		return err
	}
	if t.round, err = m.Function("train_round"); err != nil {
		return err
	}
	if t.families, err = families(t.device, m); err != nil {
		return err
	}
	if t.work, err = t.device.Stream(); err != nil {
		return err
	}
	t.copies, err = t.device.Stream()
	return err
}

// Close gives streams and memory back; the device stays open.
func (t *Trainer) Close() error {
	var errs []error
	for _, s := range []*gpu.Stream{t.work, t.copies} {
		if s != nil && t.device.Lost() == nil {
			errs = append(errs, s.Wait(), s.Close())
		}
	}
	for i, s := range t.slots {
		if s != nil {
			s.free()
		}
		t.slots[i] = nil
	}
	t.work, t.copies = nil, nil
	return errors.Join(errs...)
}

// Train implements learning.Backend.
func (t *Trainer) Train(total []int32, c learning.Cohort) ([]learning.Part, error) {
	if len(c.Histories) == 0 {
		return nil, nil
	}
	j, err := t.open(c)
	if err == nil {
		defer j.free()
		err = t.run(j)
	}
	if err != nil {
		return nil, fmt.Errorf("train %d members on %s: %w", len(c.Histories), t.device.Info().Name, err)
	}
	if len(total) != len(j.sum) {
		return nil, fmt.Errorf("train on the GPU: a total of %d words, want %d", len(total), len(j.sum))
	}
	for i, v := range j.sum {
		total[i] += v
	}
	return j.parts, nil
}

// run draws one chunk while the chunk before is trained.
func (t *Trainer) run(j *job) (err error) {
	defer func() { // what is queued is done with what is freed after this
		if w := errors.Join(t.copies.Wait(), t.work.Wait()); err == nil {
			err = w
		}
	}()
	launcher, err := t.families[j.cohort.Model.Layout.Family].open(j)
	if err != nil {
		return err
	}
	spans, err := j.spans()
	if err != nil {
		return err
	}
	for i, span := range spans {
		s, err := t.slot(i, j, spans)
		if err != nil {
			return err
		}
		if i >= len(t.slots) {
			if err := t.collect(j, s); err != nil {
				return err
			}
		}
		s.chunk.begin(j, span)
		if err := t.draw(j, &s.chunk); err != nil {
			return err
		}
		if err := t.send(j, s, launcher); err != nil {
			return err
		}
	}
	for i := max(0, len(spans)-len(t.slots)); i < len(spans); i++ {
		if err := t.collect(j, t.slots[i%len(t.slots)]); err != nil {
			return err
		}
	}
	sum := make([]int32, j.words)
	if err := t.work.Download(gpu.Bytes(sum), j.total, 0); err != nil {
		return err
	}
	j.add(sum)
	return nil
}

// draw draws a chunk's members on all cores.
func (t *Trainer) draw(j *job, c *chunk) error {
	for len(t.drawers) < par.Width() {
		t.drawers = append(t.drawers, &drawer{})
	}
	errs := make([]error, c.members())
	par.Each(len(t.drawers), c.members(), func(worker, i int) {
		if err := t.drawers[worker].member(j, c, i); err != nil {
			errs[i] = fmt.Errorf("member %d of the cohort: %w", c.who[i], err)
		}
	})
	return errors.Join(errs...)
}

// send queues a chunk: its lists, training, and what follows.
func (t *Trainer) send(j *job, s *slot, l launcher) error {
	if err := s.upload(t.copies, j); err != nil {
		return err
	}
	sent, err := t.copies.Mark()
	if err != nil {
		return err
	}
	defer sent.Free()
	if err := t.work.After(sent); err != nil {
		return err
	}
	if err := l.launch(t.work, j, &s.chunk); err != nil {
		return err
	}
	if err := t.finish(j, &s.chunk); err != nil {
		return err
	}
	if err := s.download(t.work, j); err != nil {
		return err
	}
	s.done.Free() // of a cohort that failed
	s.done, err = t.work.Mark()
	return err
}

// collect waits for a chunk and reads what came of its members.
func (t *Trainer) collect(j *job, s *slot) error {
	if err := s.done.Wait(); err != nil {
		return err
	}
	s.done.Free()
	s.done = nil
	for i := range s.chunk.members() {
		if err := j.take(&s.chunk, i); err != nil {
			return err
		}
	}
	return nil
}

// sizeOf is the bytes of one T.
func sizeOf[T any]() int { var x T; return int(unsafe.Sizeof(x)) }

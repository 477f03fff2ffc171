package masks

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/gpu"
)

// Expander is an aggregation.Expander over one or more GPUs. It may be used by several goroutines, which take turns.
type Expander struct {
	lanes []*lane
}

// New readies devices, which stay the caller's and are closed after Close. Errors: gpu.ErrMemory, gpu.ErrLost, and what the kernels'
// compiler says.
func New(devices ...*gpu.Device) (*Expander, error) {
	if len(devices) == 0 {
		return nil, errors.New("expand masks on GPUs: there is none in the list")
	}
	e := &Expander{}
	for _, d := range devices {
		l, err := newLane(d)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("ready GPU %d to expand masks: %w", d.Info().Index, err), e.Close())
		}
		e.lanes = append(e.lanes, l)
	}
	return e, nil
}

// Expand gives the sum of the masks of all terms mod 2^32: d words. Each device takes a part of the terms. Errors: gpu.ErrMemory,
// gpu.ErrLost, and for good a device whose first sum of a suite is not the CPU's.
func (e *Expander) Expand(shape aggregation.Shape, terms []aggregation.Term) ([]uint32, error) {
	if err := shape.Validate(); err != nil {
		return nil, fmt.Errorf("expand masks on GPUs: %w", err)
	}
	if len(e.lanes) == 0 {
		return nil, errors.New("expand masks on GPUs: the expander is closed")
	}
	sums, errs := make([][]uint32, len(e.lanes)), make([]error, len(e.lanes))
	var all sync.WaitGroup
	for i, l := range e.lanes {
		all.Go(func() {
			sums[i] = make([]uint32, shape.D)
			if err := l.expand(sums[i], shape, part(terms, i, len(e.lanes))); err != nil {
				errs[i] = fmt.Errorf("on GPU %d (%s): %w", l.device.Info().Index, l.device.Info().Name, err)
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, sum := range sums[1:] {
		aggregation.Add(sums[0], sum)
	}
	return sums[0], nil
}

// Close frees what New took, when no call is under way.
func (e *Expander) Close() error {
	var errs []error
	for _, l := range e.lanes {
		errs = append(errs, l.close())
	}
	e.lanes = nil
	return errors.Join(errs...)
}

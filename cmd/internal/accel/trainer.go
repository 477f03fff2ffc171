package accel

import (
	"github.com/cinesync/cinesync/gpu/train"
	"github.com/cinesync/cinesync/sim/learning"
)

// Trainer trains the members of simulated rounds on the first GPU, or is nil where there is none: the CPU trains. learning answers for it where
// it fails.
func (a *Accel) Trainer() learning.Backend {
	if len(a.devices) == 0 {
		return nil
	}
	t, err := train.New(a.devices[0])
	if err != nil {
		a.tookOver("training", err)
		return nil
	}
	a.last = append(a.last, t.Close)
	return t
}

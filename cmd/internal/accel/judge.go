package accel

import (
	"github.com/cinesync/cinesync/gpu/score"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
)

// Judge measures models on the first GPU, or on the CPU where there is none. Where the GPU fails, or has no kernels for a model, the CPU
// measures it, and a line says why.
func (a *Accel) Judge() evaluate.Bench {
	if len(a.devices) == 0 {
		return evaluate.Bench{}
	}
	return evaluate.Bench{
		Open: func(s *model.Snapshot) (evaluate.Backend, error) { return score.New(a.devices[0], s) },
		Told: func(err error) { a.say("gpu: " + err.Error()) },
	}
}

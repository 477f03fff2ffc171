package accel

import (
	"github.com/cinesync/cinesync/gpu/score"
	"github.com/cinesync/cinesync/model/evaluate"
)

// Judge measures models on the first GPU, or on the CPU where there is none. Where the GPU fails, or has no kernels for a model, the CPU
// measures it, and a line says why.
func (a *Accel) Judge() evaluate.Bench {
	if len(a.devices) == 0 {
		return evaluate.Bench{}
	}
	k, err := score.Load(a.devices[0])
	if err != nil {
		a.tookOver("measuring models", err)
		return evaluate.Bench{}
	}
	a.last = append(a.last, k.Close)
	return evaluate.Bench{Open: k.Open, Told: func(err error) { a.say("gpu: " + err.Error()) }}
}

package accel

import (
	"log/slog"
	"sync"

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
	return evaluate.Bench{Open: k.Open, Told: a.once()}
}

// once says why the CPU measures, and not again for the models that follow for the same reason.
func (a *Accel) once() func(error) {
	var mu sync.Mutex
	last := ""
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if line := "gpu: " + err.Error(); line != last {
			last = line
			a.say(slog.LevelWarn, line)
		}
	}
}

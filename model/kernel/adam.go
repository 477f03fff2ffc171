package kernel

import "math"

// AdamStep is one step of Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) for any number of rows. _asm/adam.go reads
// the fields in their order.
type AdamStep struct {
	keep1, take1 float32 // β1, 1 − β1
	keep2, take2 float32 // β2, 1 − β2
	rate         float32 // learning rate / (1 − β1^t)
	correct      float32 // 1 / (1 − β2^t)
	epsilon      float32
}

// NewAdamStep prepares step number t, counted from 1, with the rate, the decays of both moments and the paper's ε.
func NewAdamStep(t int, rate, beta1, beta2, epsilon float64) AdamStep {
	return AdamStep{
		keep1: float32(beta1), take1: float32(1 - beta1),
		keep2: float32(beta2), take2: float32(1 - beta2),
		rate:    float32(rate / (1 - math.Pow(beta1, float64(t)))),
		correct: float32(1 / (1 - math.Pow(beta2, float64(t)))),
		epsilon: float32(epsilon),
	}
}

// Update moves row against grad and keeps its moments m and v. Rows without a gradient may be skipped (sparse Adam): t
// counts the steps of the whole training.
func (s *AdamStep) Update(row, m, v, grad []float32) {
	same("AdamStep.Update", len(row), len(grad))
	same("AdamStep.Update", len(m), len(grad))
	same("AdamStep.Update", len(v), len(grad))
	best.adam(s, row, m, v, grad)
}

func portableAdam(s *AdamStep, row, m, v, grad []float32) {
	m, v, row = m[:len(grad)], v[:len(grad)], row[:len(grad)]
	for i, g := range grad {
		m[i] = s.keep1*m[i] + s.take1*g
		v[i] = s.keep2*v[i] + s.take2*g*g
		row[i] -= s.rate * m[i] / (float32(math.Sqrt(float64(v[i]*s.correct))) + s.epsilon)
	}
}
